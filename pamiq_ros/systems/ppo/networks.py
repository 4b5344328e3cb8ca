"""ActorCritic: the network that acts, and the one that says what a state is worth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from pamiq_ros.core import TorchInferenceModel

from .distributions import ActionDistribution, Gaussian

_POLICY_GAIN = 0.01  # small: what is drawn at first hardly depends on the state


class ActorCritic(nn.Module):
    """Two networks of tanh layers, of which one gives an action's distribution and one a value.

    Weights are orthogonal at first, with the gains that Andrychowicz et al. 2021 (arXiv:2006.05990)
    and Huang et al. 2022 ("The 37 implementation details of PPO") found to matter.
    """

    def __init__(
        self,
        observation_size: int,
        distribution: ActionDistribution,
        hidden: Sequence[int],
        log_std: float = 0.0,
    ) -> None:
        """Make the networks.

        Args:
            observation_size: Numbers in an observation.
            distribution: Of the actions.
            hidden: Sizes of each network's hidden layers.
            log_std: Logarithm of the deviation of continuous actions at first; it is learnt, and
                does not depend on the state.
        """
        super().__init__()
        self._is_gaussian = isinstance(distribution, Gaussian)
        given = distribution.size if self._is_gaussian else distribution.parameters
        self.policy = _layers(observation_size, hidden, given, _POLICY_GAIN)
        self.critic = _layers(observation_size, hidden, 1, 1.0)
        self.log_std = nn.Parameter(torch.full((given,), log_std)) if self._is_gaussian else None

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Parameters of the actions' distribution and values of observations.

        Args:
            observations: float32 [N, observation_size].

        Returns:
            float32 [N, parameters] and [N].
        """
        return self.parameters_of(observations), self.value(observations)

    def parameters_of(self, observations: Tensor) -> Tensor:
        """Parameters of the actions' distribution, [N, parameters]."""
        given: Tensor = self.policy(observations)
        if self.log_std is None:
            return given
        return torch.cat([given, self.log_std.expand_as(given)], 1)

    def value(self, observations: Tensor) -> Tensor:
        """Values [N] of observations."""
        values: Tensor = self.critic(observations)
        return values.squeeze(1)


def _layers(size: int, hidden: Sequence[int], outputs: int, gain: float) -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, after in pairwise((size, *hidden)):
        layers += [_linear(before, after, math.sqrt(2.0)), nn.Tanh()]
    return nn.Sequential(*layers, _linear(hidden[-1] if hidden else size, outputs, gain))


def _linear(before: int, after: int, gain: float) -> nn.Linear:
    layer = nn.Linear(before, after)
    nn.init.orthogonal_(layer.weight, gain)
    nn.init.zeros_(layer.bias)
    return layer


@dataclass(frozen=True)
class ActionSampler:
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
        choose = self.distribution.mode if self.is_greedy else self.distribution.sample
        with model.unwrap() as policy:
            parameters = policy.parameters_of(observation[None])
            raw = choose(parameters)
            return raw[0], self.distribution.log_probability(parameters, raw)[0]

    def action(self, raw: Tensor) -> Tensor:
        """What a raw action [size] does, float32 [size] in [-1, 1]."""
        return self.distribution.action(raw[None])[0]

    def command(self, action: Tensor) -> Tensor:
        """An action [size] in [-1, 1] as what is commanded, within the limits."""
        return torch.lerp(*self.limits, (action + 1.0) / 2.0)
