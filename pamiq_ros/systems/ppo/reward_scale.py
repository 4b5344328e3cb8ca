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

"""RewardScale: rewards divided by the standard deviation of their discounted sums."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from pamiq_ros.core.state import load_json, save_json


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
