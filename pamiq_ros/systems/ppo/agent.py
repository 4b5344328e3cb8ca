"""PPOAgent: acts by the policy on vectors, and collects what its trainer needs."""

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
    """Observes `state` and `outcome`; draws an action at each tick.

    Args:
        distribution: Of the actions.
        limits: Smallest and largest value of each number that is commanded.
        is_greedy: Whether to do what is likeliest, rather than to draw.
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
        """Break the sequence: what happened meanwhile is not the last action's doing."""
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
        raw, log_probability = self._sampler.draw(self._policy, state)
        version = self._policy.weights_version
        self._rollout.collect(
            step_of(state, raw, log_probability, reward, end, self._tick, version)
        )
        return self._sampler.command(self._sampler.action(raw))

    @torch.no_grad()
    def best(self, policy: ActorCritic, state: Tensor) -> Tensor:
        """What a policy commands in a state, float32 [size], if it does what is likeliest."""
        raw = self._sampler.distribution.mode(policy.parameters_of(state[None]))[0]
        return self._sampler.command(self._sampler.action(raw))

    @override
    def save_state(self, path: Path) -> None:
        """Save the number of the tick in the directory `path`."""
        super().save_state(path)
        path.mkdir(exist_ok=True)
        save_json(path / "tick", {"tick": self._tick})

    @override
    def load_state(self, path: Path) -> None:
        """Go on counting ticks, with a break."""
        super().load_state(path)
        self._tick = int(load_json(path / "tick")["tick"]) + 1
