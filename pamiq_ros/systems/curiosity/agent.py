"""CuriosityAgent: looks, is surprised or not, remembers, acts and imagines what will come of it."""

from __future__ import annotations

from collections.abc import Mapping
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
from .imagination import Imagination

CAMERA, OUTCOME = "camera", "outcome"


class CuriosityAgent(TorchAgent[Mapping[str, Tensor], Tensor]):
    """Acts by encoder, dynamics and policy, and collects for the trainers of all three.

    The recurrent state is the agent's own: new weights change what becomes of it, never what it is.

    Args:
        distribution: Of the actions.
        limits: Smallest and largest value of each number that is commanded.
        state_shape: Of the dynamics' state.
        horizon: How far ahead it imagines, in ticks.
        curiosity: How much surprise counts in the reward.
        reward: How much the world's own reward counts.
        is_greedy: Whether to do what is likeliest, rather than to draw.

    Attributes:
        state: float32 [*state_shape], what the dynamics remember.
        surprise: Error of the predictions of the newest tick.
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
        self._imagination = Imagination(horizon)
        self._tick = 0
        self.state = torch.zeros(state_shape)
        self.surprise = 0.0

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
        """Forget what was foreseen: the world went on without this agent."""
        super().on_resumed()
        self.forget()

    def forget(self) -> None:
        """Begin anew, as at the first picture of an episode."""
        self.state = torch.zeros_like(self.state)
        self._imagination.forget()
        self._tick += 1  # a gap in the ticks is a gap in the sequence

    @override
    def step(self, observation: Mapping[str, Tensor]) -> Tensor:
        """Act.

        Args:
            observation: `camera`, uint8 [3, height, width], and perhaps `outcome`.

        Returns:
            float32 [distribution.size], within the limits.
        """
        given, end, is_another = 0.0, GOES_ON, False
        if OUTCOME in observation:
            given, end, is_another = self._outcomes.read(observation[OUTCOME])
        if is_another:
            self.forget()
        picture = observation[CAMERA]
        encoding = self._encoder(picture)
        self.surprise = self._imagination.compare(encoding)
        reward = self._curiosity * self.surprise + self._reward * given
        self._tick += 1
        belief = torch.cat([encoding, self.state.flatten()])
        raw, log_probability = self._sampler.draw(self._policy, belief)
        action = self._sampler.action(raw)
        self._collect(picture, belief, raw, log_probability, action, (reward, end))
        self._imagine(encoding, action)
        return self._sampler.command(action)

    def _collect(
        self,
        picture: Tensor,
        belief: Tensor,
        raw: Tensor,
        log_probability: Tensor,
        action: Tensor,
        came: tuple[float, int],
    ) -> None:
        self._frames.collect(picture)
        self._experience.collect(
            {"picture": picture, "action": action, "state": self.state, "tick": self._tick}
        )
        version = self._policy.weights_version
        self._rollout.collect(step_of(belief, raw, log_probability, *came, self._tick, version))

    def _imagine(self, encoding: Tensor, action: Tensor) -> None:
        """Go on by one tick in earnest, and by the rest of the horizon in imagination."""
        predictions: list[Tensor] = []
        with self._dynamics.unwrap() as dynamics:
            encoding, state = dynamics.step(encoding, action, self.state)
            self.state = state
            predictions.append(encoding)
            while len(predictions) < self._horizon:
                belief = torch.cat([encoding, state.flatten()])
                raw, _ = self._sampler.draw(self._policy, belief)
                action = self._sampler.action(raw)
                encoding, state = dynamics.step(encoding, action, state)
                predictions.append(encoding)
        self._imagination.predict(predictions)

    @override
    def save_state(self, path: Path) -> None:
        """Save what it remembers, and the number of the tick, in the directory `path`."""
        super().save_state(path)
        path.mkdir(exist_ok=True)
        save_tree(path / "memory", {"state": self.state.clone(), "tick": self._tick})

    @override
    def load_state(self, path: Path) -> None:
        """Go on with what it remembered; what it foresaw is of another time."""
        super().load_state(path)
        memory = load_tree(path / "memory")
        if memory["state"].shape != self.state.shape:
            found = list(memory["state"].shape)
            raise ValueError(f"{path}: expected a state of {list(self.state.shape)}, found {found}")
        self.state, self._tick = memory["state"], int(memory["tick"])
