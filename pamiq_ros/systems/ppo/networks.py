# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""ActorCritic: the policy's network and the critic's. ActionSampler: sampling actions from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from pamiq_ros.core import TorchInferenceModel

from .distributions import ActionDistribution, Gaussian

_POLICY_GAIN = 0.01  # small: the first actions hardly depend on the state


class ActorCritic(nn.Module):
    """Two networks of tanh layers: one outputs an action's distribution, the other a value.

    The first weights are orthogonal, with the gains that Andrychowicz et al. 2021
    (arXiv:2006.05990) and Huang et al. 2022 ("The 37 implementation details of PPO") found to
    matter.
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
            distribution: Distribution of the actions.
            hidden: Sizes of each network's hidden layers.
            log_std: Initial log standard deviation of continuous actions. It is learned, and does
                not depend on the state.
        """
        super().__init__()
        is_gaussian = isinstance(distribution, Gaussian)
        outputs = distribution.size if is_gaussian else distribution.parameters
        self.policy = _layers(observation_size, hidden, outputs, _POLICY_GAIN)
        self.critic = _layers(observation_size, hidden, 1, 1.0)
        self.log_std = nn.Parameter(torch.full((outputs,), log_std)) if is_gaussian else None
        linear = [layer for layer in self.policy if isinstance(layer, nn.Linear)]
        self._policy_weights = [(layer.weight, layer.bias) for layer in linear]

    def forward(self, observations: Tensor) -> tuple[Tensor, Tensor]:
        """Return the parameters of the actions' distributions and the values of observations.

        Args:
            observations: float32 [N, observation_size].

        Returns:
            float32 [N, parameters] and [N].
        """
        return self.parameters_of(observations), self.value(observations)

    def parameters_of(self, observations: Tensor) -> Tensor:
        """Return the parameters of the actions' distributions, [N, parameters]."""
        outputs: Tensor = self.policy(observations)
        if self.log_std is None:
            return outputs
        return torch.cat([outputs, self.log_std.expand_as(outputs)], 1)

    def parameters_at(self, observation: Tensor) -> Tensor:
        """Return `parameters_of` for one observation [observation_size], as [parameters].

        The agent calls this in each tick. Plain products of matrix and vector take a quarter of the
        time of calling the modules.
        """
        *hidden, (weight, bias) = self._policy_weights
        activation = observation
        for hidden_weight, hidden_bias in hidden:
            activation = torch.addmv(hidden_bias, hidden_weight, activation).tanh_()
        outputs = torch.addmv(bias, weight, activation)
        return outputs if self.log_std is None else torch.cat([outputs, self.log_std])

    def value(self, observations: Tensor) -> Tensor:
        """Return the values [N] of observations."""
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


class SampledAction(NamedTuple):
    """An action of a policy.

    Attributes:
        raw: float32 [size], as it was sampled.
        log_probability: float32 [], the logarithm of its probability (density).
        action: float32 [size], in [-1, 1].
    """

    raw: Tensor
    log_probability: Tensor
    action: Tensor


class ActionSampler:
    """Samples actions from a policy.

    Args:
        distribution: Distribution of the actions.
        limits: Smallest and largest value of each number of a command, float32 [size].
        is_greedy: Whether to take the most likely action instead of sampling.
    """

    def __init__(
        self,
        distribution: ActionDistribution,
        limits: tuple[Tensor, Tensor],
        is_greedy: bool = False,
    ) -> None:
        self._distribution, self._is_greedy = distribution, is_greedy
        # In float64, so that no rounding error takes a command beyond its limits.
        self._low, self._high = (limit.double().numpy() for limit in limits)

    def sample(self, model: TorchInferenceModel[ActorCritic], observation: Tensor) -> SampledAction:
        """Sample an action for an observation.

        Args:
            model: The policy; its inference procedure is `ActorCritic.parameters_at`.
            observation: float32 [observation_size].
        """
        return self.sample_from(model.infer(observation), self._is_greedy)

    def sample_from(self, parameters: Tensor, is_greedy: bool) -> SampledAction:
        """Sample an action, or take the most likely one, of a distribution [parameters]."""
        raw, log_probability = self._distribution.sample(parameters.numpy(), is_greedy)
        action = self._distribution.action(raw)
        return SampledAction(
            torch.from_numpy(raw),
            torch.from_numpy(np.array(log_probability, np.float32)),
            torch.from_numpy(action),
        )

    def command(self, action: Tensor) -> Tensor:
        """Return the command, float32 [size] within the limits, of an action in [-1, 1]."""
        share = (action.numpy() + 1.0) / 2.0
        command = (1.0 - share) * self._low + share * self._high
        return torch.from_numpy(command.astype(np.float32))
