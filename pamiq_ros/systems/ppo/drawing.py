"""Drawing: from what a policy says to what the robot is told."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from pamiq_ros.core import TorchInferenceModel

from .distributions import ActionDistribution
from .networks import ActorCritic


@dataclass(frozen=True)
class Drawing:
    """How actions are drawn.

    Attributes:
        distribution: Of the actions.
        limits: Smallest and largest value of each number that is commanded.
        is_greedy: Whether to do what is likeliest, rather than to draw.
    """

    distribution: ActionDistribution
    limits: tuple[Tensor, Tensor]
    is_greedy: bool = False

    def draw(
        self, model: TorchInferenceModel[ActorCritic], observation: Tensor
    ) -> tuple[Tensor, Tensor]:
        """A raw action [size] for an observation [n], and the logarithm of its probability."""
        with model.unwrap() as policy:
            parameters = policy.parameters_of(observation[None])
        choose = self.distribution.mode if self.is_greedy else self.distribution.sample
        raw = choose(parameters)
        return raw[0], self.distribution.log_probability(parameters, raw)[0]

    def action(self, raw: Tensor) -> Tensor:
        """What a raw action [size] does, float32 [size] in [-1, 1]."""
        return self.distribution.action(raw[None])[0]

    def command(self, action: Tensor) -> Tensor:
        """An action [size] in [-1, 1] as what is commanded, within the limits."""
        return torch.lerp(*self.limits, (action + 1.0) / 2.0)
