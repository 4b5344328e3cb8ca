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

"""CuriosityAgent: encodes, compares with its predictions, acts and predicts the next ticks."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.core import TorchAgent
from pamiq_ros.core.state import load_tree, save_tree
from pamiq_ros.systems.ppo.distributions import ActionDistribution
from pamiq_ros.systems.ppo.networks import ActionSampler, ActorCritic
from pamiq_ros.systems.ppo.rollout import GOES_ON, OutcomeReader, step_of

from .dynamics import ForwardDynamics

CAMERA, OUTCOME = "camera", "outcome"


class CuriosityAgent(TorchAgent[Mapping[str, Tensor], Tensor]):
    """Acts by encoder, dynamics and policy, and collects experience for their trainers.

    The recurrent state belongs to the agent. New weights do not reset it.

    Args:
        distribution: Distribution of the actions.
        limits: Lower and upper limits of the command.
        state_shape: Shape of the dynamics' state.
        horizon: Number of ticks to predict.
        curiosity: Weight of the prediction error in the reward.
        reward: Weight of the world's own reward.
        is_greedy: Whether to take the most likely action instead of sampling.

    Attributes:
        state: float32 [*state_shape], the recurrent state of the dynamics.
        prediction_error: Prediction error of the newest tick.
    """

    def __init__(
        self,
        distribution: ActionDistribution,
        limits: tuple[Tensor, Tensor],
        state_shape: tuple[int, int],
        horizon: int,
        curiosity: float = 1.0,
        reward: float = 0.0,
        is_greedy: bool = False,
    ) -> None:
        super().__init__()
        self._sampler = ActionSampler(distribution, limits, is_greedy)
        self._curiosity, self._reward = curiosity, reward
        self._horizon = horizon
        self._outcomes = OutcomeReader()
        self._intrinsic = IntrinsicReward(horizon)
        self._tick = 0
        self.state = torch.zeros(state_shape)
        self.prediction_error = 0.0

    @override
    def on_inference_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_torch_inference_model("encoder")
        self._dynamics = self.get_torch_inference_model("dynamics", ForwardDynamics)
        self._policy = self.get_torch_inference_model("policy", ActorCritic)

    @override
    def on_data_collectors_attached(self) -> None:
        """Get the collectors."""
        self._frames = self.get_data_collector("frames")
        self._experience = self.get_data_collector("experience")
        self._rollout = self.get_data_collector("rollout")

    @override
    def on_resumed(self) -> None:
        """Reset state and predictions: the world has changed during the pause."""
        super().on_resumed()
        self.reset()

    def reset(self) -> None:
        """Reset state and predictions, as at the first image of an episode."""
        self.state = torch.zeros_like(self.state)
        self._intrinsic.reset()
        self._tick += 1  # marks the gap in the recorded sequence

    @override
    def step(self, observation: Mapping[str, Tensor]) -> Tensor:
        """Act.

        Args:
            observation: `camera`, uint8 [3, height, width], and `outcome` if the system has it.

        Returns:
            float32 [distribution.size], within the limits.
        """
        outcome_reward, end, is_new_episode = 0.0, GOES_ON, False
        if OUTCOME in observation:
            outcome_reward, end, is_new_episode = self._outcomes.read(observation[OUTCOME])
        if is_new_episode:
            self.reset()
        image = observation[CAMERA]
        encoding = self._encoder(image)
        self.prediction_error = self._intrinsic.error_of(encoding)
        reward = self._curiosity * self.prediction_error + self._reward * outcome_reward
        self._tick += 1
        belief = torch.cat([encoding, self.state.flatten()])
        raw, log_probability, action = self._sampler.sample(self._policy, belief)
        self._collect(image, belief, raw, log_probability, action, (reward, end))
        self._predict(encoding, action)
        return self._sampler.command(action)

    def _collect(
        self,
        image: Tensor,
        belief: Tensor,
        raw: Tensor,
        log_probability: Tensor,
        action: Tensor,
        result: tuple[float, int],
    ) -> None:
        self._frames.collect(image)
        self._experience.collect(
            {"picture": image, "action": action, "state": self.state, "tick": self._tick}
        )
        version = self._policy.weights_version
        self._rollout.collect(step_of(belief, raw, log_probability, *result, self._tick, version))

    def _predict(self, encoding: Tensor, action: Tensor) -> None:
        """Advance the state by this tick, and predict the rest of the horizon with the policy."""
        predictions: list[Tensor] = []
        with self._dynamics.unwrap() as dynamics:
            encoding, state = dynamics.step(encoding, action, self.state)
            self.state = state
            predictions.append(encoding)
            while len(predictions) < self._horizon:
                belief = torch.cat([encoding, state.flatten()])
                action = self._sampler.sample(self._policy, belief).action
                encoding, state = dynamics.step(encoding, action, state)
                predictions.append(encoding)
        self._intrinsic.add(predictions)

    @override
    def save_state(self, path: Path) -> None:
        """Save the recurrent state and the number of the tick in the directory `path`."""
        super().save_state(path)
        path.mkdir(exist_ok=True)
        save_tree(path / "memory", {"state": self.state.clone(), "tick": self._tick})

    @override
    def load_state(self, path: Path) -> None:
        """Load the recurrent state and the number of the tick; predictions are not saved."""
        super().load_state(path)
        memory = load_tree(path / "memory")
        if memory["state"].shape != self.state.shape:
            found = list(memory["state"].shape)
            raise ValueError(f"{path}: expected a state of {list(self.state.shape)}, found {found}")
        self.state, self._tick = memory["state"], int(memory["tick"])


class IntrinsicReward:
    """Keeps predictions until the tick that they predict.

    Each tick predicts the next `horizon` ticks. The reward of a tick is the mean error of all its
    predictions, made one to `horizon` ticks before (Schmidhuber 1991; Pathak et al. 2017,
    arXiv:1705.05363).

    Args:
        horizon: Number of ticks that are predicted.
    """

    def __init__(self, horizon: int) -> None:
        self._pending: deque[list[Tensor]] = deque([[] for _ in range(horizon)])

    def reset(self) -> None:
        """Drop all predictions."""
        for predictions in self._pending:
            predictions.clear()

    def error_of(self, encoding: Tensor) -> float:
        """Compare the encoding of this tick, [encoding_size], with its predictions.

        Returns:
            The mean squared error of its predictions; 0 if there are none.
        """
        predictions = self._pending.popleft()
        self._pending.append([])
        errors = [float((prediction - encoding).square().mean()) for prediction in predictions]
        return sum(errors) / len(errors) if errors else 0.0

    def add(self, predictions: Sequence[Tensor]) -> None:
        """Keep predictions of the next ticks, the next tick first."""
        for pending, prediction in zip(self._pending, predictions, strict=True):
            pending.append(prediction)
