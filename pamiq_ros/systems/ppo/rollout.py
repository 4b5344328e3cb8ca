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

"""Rollout: consecutive ticks as experience for a policy, their advantages, the scale of rewards.

Each tick records its observation, its action, the reward of the previous action, and whether the
episode has ended. So a transition is two consecutive ticks, and none is lost between two rollouts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pamiq_ros.core.state import load_json, save_json

SIZE = 5
"""Numbers of the topic: episode, return, ended, last_return, last_ended."""


class OutcomeReader:
    """Computes rewards as differences of returns: a missed or repeated step loses no reward."""

    def __init__(self) -> None:
        self._episode, self._return, self._end = -1, 0.0, GOES_ON

    def read(self, outcome: Tensor) -> tuple[float, int, bool]:
        """Read the newest outcome.

        Args:
            outcome: float32 [SIZE].

        Returns:
            The reward since the last call; how the episode ended (GOES_ON if it has not, TERMINATED
            or TRUNCATED); whether another episode has begun since the last call.
        """
        episode, total, end, last_total, last_end = outcome.tolist()
        before, self._return = self._return, total
        known, self._episode = self._episode, int(episode)
        was_over, self._end = self._end != GOES_ON, int(end)
        if known == self._episode:
            return total - before, self._end, False
        if known < 0 or was_over:
            return total, self._end, known >= 0
        # The end was missed between two ticks: this observation is of the next episode.
        return last_total - before, int(last_end), True


GOES_ON, TERMINATED, TRUNCATED = 0, 1, 2


@dataclass(frozen=True)
class Rollout:
    """T ticks, in order.

    Attributes:
        observations: float32 [T, ...], as the network takes them.
        raws: float32 [T, size], raw actions.
        log_probabilities: float32 [T], of the raw actions under the policy that sampled them.
        rewards: float32 [T], of the previous tick's action.
        ends: int64 [T], GOES_ON, TERMINATED or TRUNCATED: the episode at the observation.
        ticks: int64 [T], numbers of the ticks; a missing number is a gap in the sequence.
        versions: int64 [T], versions of the weights that acted.
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
        """Return the rollout of stacked steps, each made by `step_of`."""
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
        """Return whether the next tick has the result of this tick's action, bool [T - 1]."""
        follows = self.ticks[1:] == self.ticks[:-1] + 1
        return follows & (self.ends[:-1] == GOES_ON)

    def advantages(
        self, values: Tensor, rewards: Tensor, gamma: float, gae_lambda: float
    ) -> Tensor:
        """Return generalized advantage estimates (Schulman et al. 2016, arXiv:1506.02438).

        The last value of a truncated episode stands for the rewards after it.

        Args:
            values: float32 [T], values of the observations.
            rewards: float32 [T], the rollout's rewards or scaled ones.
            gamma: Discount factor per tick.
            gae_lambda: From 0 (least variance) to 1 (least bias).

        Returns:
            float32 [T - 1]; undefined where there is no transition.
        """
        after = values[1:] * (self.ends[1:] != TERMINATED)
        errors = rewards[1:] + gamma * after - values[:-1]
        advantages, later = [], 0.0
        ticks = zip(errors.tolist(), self.is_transition().tolist(), strict=True)
        for error, is_transition in reversed(list(ticks)):
            later = error + gamma * gae_lambda * later if is_transition else 0.0
            advantages.append(later)
        return torch.tensor(advantages[::-1])


def step_of(
    observation: Tensor,
    raw: Tensor,
    log_probability: Tensor,
    reward: float,
    end: int,
    tick: int,
    version: int,
) -> dict[str, Tensor | float | int]:
    """Return a tick as it is recorded; see `Rollout` for each value."""
    return {
        "observation": observation,
        "raw": raw,
        "log_probability": log_probability,
        "reward": reward,
        "end": end,
        "tick": tick,
        "version": version,
    }


class RewardScale:
    """The standard deviation of the discounted sum of rewards so far, which divides rewards.

    So the size of values does not depend on that of rewards (Burda et al. 2019, arXiv:1810.12894,
    section 2.4). Means and variances are merged as in Chan et al. 1979.

    Args:
        gamma: Discount factor per tick.
    """

    def __init__(self, gamma: float) -> None:
        self._gamma = gamma
        self._sum = self._mean = self._variance = self._count = 0.0

    @property
    def deviation(self) -> float:
        """The standard deviation; 1 while all sums are equal."""
        deviation = self._variance**0.5
        return deviation if deviation > 1e-8 else 1.0

    def scaled(self, rewards: Tensor) -> Tensor:
        """Include rewards [N], in order, and return them divided."""
        sums = []
        for reward in rewards.tolist():
            self._sum = self._gamma * self._sum + reward
            sums.append(self._sum)
        found = torch.tensor(sums, dtype=torch.float64)
        count, mean = len(sums), float(found.mean())
        total, change = self._count + count, mean - self._mean
        spread = self._variance * self._count + float(found.var(correction=0)) * count
        self._variance = (spread + change**2 * self._count * count / total) / total
        self._mean, self._count = self._mean + change * count / total, total
        return rewards / self.deviation

    def save(self, path: Path) -> None:
        """Save the statistics as `<path>.json`."""
        save_json(path, [self._sum, self._mean, self._variance, self._count])

    def load(self, path: Path) -> None:
        """Load the statistics."""
        self._sum, self._mean, self._variance, self._count = map(float, load_json(path))
