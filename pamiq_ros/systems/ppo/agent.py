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

"""PPOAgent: samples actions from the policy, and collects the rollout for its trainer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.core import TorchAgent
from pamiq_ros.core.state import load_json, save_json

from .distributions import ActionDistribution
from .networks import ActionSampler, ActorCritic
from .rollout import OutcomeReader, step_of


class PPOAgent(TorchAgent[Mapping[str, Tensor], Tensor]):
    """Observes `state` and `outcome`; samples an action at each tick.

    Args:
        distribution: Distribution of the actions.
        limits: Smallest and largest value of each number of a command.
        is_greedy: Whether to take the most likely action instead of sampling.
    """

    def __init__(
        self,
        distribution: ActionDistribution,
        limits: tuple[Tensor, Tensor],
        is_greedy: bool = False,
    ) -> None:
        super().__init__()
        self._sampler = ActionSampler(distribution, limits, is_greedy)
        self._outcomes = OutcomeReader()
        self._tick = 0

    @override
    def on_inference_models_attached(self) -> None:
        """Get the policy."""
        self._policy = self.get_torch_inference_model("policy", ActorCritic)

    @override
    def on_data_collectors_attached(self) -> None:
        """Get the collector of the rollout."""
        self._rollout = self.get_data_collector("rollout")

    @override
    def on_resumed(self) -> None:
        """Mark a gap in the recorded sequence: the last action did not cause what is seen next."""
        super().on_resumed()
        self._tick += 1

    @override
    def step(self, observation: Mapping[str, Tensor]) -> Tensor:
        """Act.

        Args:
            observation: `state`, float32 [size], and `outcome`, see `OutcomeReader`.

        Returns:
            float32 [distribution.size], within the limits.
        """
        state = observation["state"]
        reward, end, _ = self._outcomes.read(observation["outcome"])
        self._tick += 1
        raw, log_probability, action = self._sampler.sample(self._policy, state)
        version = self._policy.weights_version
        self._rollout.collect(
            step_of(state, raw, log_probability, reward, end, self._tick, version)
        )
        return self._sampler.command(action)

    @torch.no_grad()
    def best(self, policy: ActorCritic, state: Tensor) -> Tensor:
        """Return the command, float32 [size], of a policy's most likely action in a state."""
        parameters = policy.parameters_at(state)
        return self._sampler.command(self._sampler.sample_from(parameters, is_greedy=True).action)

    @override
    def save_state(self, path: Path) -> None:
        """Save the number of the tick in the directory `path`."""
        super().save_state(path)
        path.mkdir(exist_ok=True)
        save_json(path / "tick", {"tick": self._tick})

    @override
    def load_state(self, path: Path) -> None:
        """Load the number of the tick, and mark a gap in the recorded sequence."""
        super().load_state(path)
        self._tick = int(load_json(path / "tick")["tick"]) + 1
