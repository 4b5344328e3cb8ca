"""Rollout: consecutive ticks as experience for a policy, and the advantages of what was done.

Each tick collects what it observed, what it did, and what came in with the observation: the reward
of the action before, and whether the episode ended there. So a transition is two ticks in a row,
and none is lost at the border of two rollouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

SIZE = 5
"""Numbers of the topic: episode, return, ended, last_return, last_ended."""


class OutcomeReader:
    """Makes rewards of returns, so that none is lost or counted twice when a tick misses a step."""

    def __init__(self) -> None:
        self._episode, self._return, self._end = -1, 0.0, GOES_ON

    def read(self, outcome: Tensor) -> tuple[float, int, bool]:
        """Read the newest outcome.

        Args:
            outcome: float32 [SIZE].

        Returns:
            The reward since the last one; how the episode ended, if it did (1: terminated, 2:
            truncated, 0: it goes on); whether another episode began in between.
        """
        episode, total, end, last_total, last_end = outcome.tolist()
        before, self._return = self._return, total
        known, self._episode = self._episode, int(episode)
        was_over, self._end = self._end != GOES_ON, int(end)
        if known == self._episode:
            return total - before, self._end, False
        if known < 0 or was_over:
            return total, self._end, known >= 0
        # Its end fell between two ticks: this observation is of the next episode already.
        return last_total - before, int(last_end), True


GOES_ON, TERMINATED, TRUNCATED = 0, 1, 2


@dataclass(frozen=True)
class Rollout:
    """T ticks, in order.

    Attributes:
        observations: float32 [T, ...], as the network takes them.
        raws: float32 [T, size], raw actions.
        log_probabilities: float32 [T], of the raw actions when they were drawn.
        rewards: float32 [T], of the action of the tick before.
        ends: int64 [T], GOES_ON, TERMINATED or TRUNCATED: what the observation says of its episode.
        ticks: int64 [T]; a number that is not the one before plus one breaks the sequence.
        versions: int64 [T], of the weights that acted.
    """

    observations: Tensor
    raws: Tensor
    log_probabilities: Tensor
    rewards: Tensor
    ends: Tensor
    ticks: Tensor
    versions: Tensor

    @staticmethod
    def of(steps: Mapping[str, Tensor]) -> Rollout:
        """The rollout in stacked steps, each made by `step_of`."""
        return Rollout(
            steps["observation"],
            steps["raw"],
            steps["log_probability"].float(),
            steps["reward"].float(),
            steps["end"],
            steps["tick"],
            steps["version"],
        )

    def __len__(self) -> int:
        return len(self.ticks)

    def is_transition(self) -> Tensor:
        """Whether each tick but the last was followed by what its action did, bool [T - 1]."""
        follows = self.ticks[1:] == self.ticks[:-1] + 1
        return follows & (self.ends[:-1] == GOES_ON)

    def advantages(
        self, values: Tensor, rewards: Tensor, gamma: float, gae_lambda: float
    ) -> Tensor:
        """Generalised advantage estimation (Schulman et al. 2016, arXiv:1506.02438).

        An episode that was truncated goes on beyond what was seen: its last value counts.

        Args:
            values: float32 [T], of the observations.
            rewards: float32 [T], those of the rollout, or made of them.
            gamma: How much a reward counts one tick later.
            gae_lambda: 0 trusts the values, 1 the rewards.

        Returns:
            float32 [T - 1]; without meaning where there is no transition.
        """
        after = values[1:] * (self.ends[1:] != TERMINATED)
        errors = rewards[1:] + gamma * after - values[:-1]
        found = torch.zeros_like(errors)
        transition = self.is_transition().tolist()
        later = 0.0
        for index in range(len(errors) - 1, -1, -1):
            later = float(errors[index]) + gamma * gae_lambda * later if transition[index] else 0.0
            found[index] = later
        return found


def step_of(
    observation: Tensor,
    raw: Tensor,
    log_probability: Tensor,
    reward: float,
    end: int,
    tick: int,
    version: int,
) -> dict[str, Tensor | float | int]:
    """One tick as it is collected; see `Rollout` for what each is."""
    return {
        "observation": observation,
        "raw": raw,
        "log_probability": log_probability,
        "reward": reward,
        "end": end,
        "tick": tick,
        "version": version,
    }
