"""The loss of proximal policy optimisation, for steps that several versions of the policy took."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_LARGEST_CORRECTION = 2.0


@dataclass(frozen=True)
class PolicyLoss:
    """The loss, and how far the policy has moved.

    Attributes:
        loss: A scalar, to be minimised.
        divergence: Estimate of the divergence from the proximal policy, in nats (Schulman 2020,
            http://joschu.net/blog/kl-approx.html).
        clipped: Share of the steps whose ratio is clipped.
    """

    loss: Tensor
    divergence: float
    clipped: float


def policy_loss(
    new: Tensor, proximal: Tensor, behaviour: Tensor, advantages: Tensor, clip: float
) -> PolicyLoss:
    """The clipped objective (Schulman et al. 2017, arXiv:1707.06347), decoupled.

    What is clipped is the ratio to the policy that this training began with (proximal); that the
    step was taken by an older one (behaviour) is made up for by the ratio of those two, as in
    Hilton, Cobbe & Schulman 2022 (arXiv:2110.00641), equation 2. For steps taken by the policy that
    training begins with this is PPO as it was.

    Args:
        new: Logarithms of the actions' probabilities now, [N]; gradients flow through these alone.
        proximal: The same for the policy that training began with.
        behaviour: The same for the policies that acted.
        advantages: [N].
        clip: How far the ratio may be from 1.
    """
    correction = torch.exp(proximal - behaviour).clamp(max=_LARGEST_CORRECTION)
    difference = new - proximal
    ratio = difference.exp()
    gained = torch.min(ratio * advantages, ratio.clamp(1.0 - clip, 1.0 + clip) * advantages)
    with torch.no_grad():
        divergence = float((ratio - 1.0 - difference).mean())
        clipped = float(((ratio - 1.0).abs() > clip).float().mean())
    return PolicyLoss(-(correction * gained).mean(), divergence, clipped)
