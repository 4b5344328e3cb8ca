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

"""Histogram: percentiles of durations over weeks of ticks, in constant memory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np

_PER_DECADE = 231  # 10 ** (1 / 231) is 1.01: a percentile is right within 1 %
_DECADES = 8
_SMALLEST_S = 1e-6
RECENT_S = 30.0
"""`RecentHistogram.recent` covers the last one to two of these, in s."""


class Histogram:
    """Durations in logarithmic bins from 1 µs to 100 s, each 1 % wide (the idea of HdrHistogram).

    Durations below 1 µs count as zero, those above 100 s as 100 s. The maximum is exact.

    One thread adds, any thread reads. A reader may miss the value that is being added.
    """

    def __init__(self) -> None:
        self._bins = np.zeros(_PER_DECADE * _DECADES + 1, dtype=np.int64)
        self._max = 0.0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, seconds: float) -> None:
        """Add one duration in s. A negative one counts as zero."""
        index = 0
        if seconds > _SMALLEST_S:
            index = int(math.log10(seconds / _SMALLEST_S) * _PER_DECADE) + 1
        self._bins[min(index, len(self._bins) - 1)] += 1
        self._max = max(self._max, seconds)
        self._count += 1

    def percentile(self, percent: float) -> float:
        """Return the percentile in s; 0.0 for an empty histogram."""
        if self._count == 0:
            return 0.0
        cumulative = np.cumsum(self._bins)
        index = int(np.searchsorted(cumulative, math.ceil(cumulative[-1] * percent / 100)))
        upper = _SMALLEST_S * 10 ** (index / _PER_DECADE) if index else 0.0
        return float(min(upper, self._max))

    def milliseconds(self, *percents: int, maximum: bool = False) -> dict[str, float]:
        """Return `{"p50": …, "p99": …, "max": …}` in ms, rounded to 1 µs."""
        statistics = {f"p{p}": round(self.percentile(p) * 1e3, 3) for p in percents}
        if maximum:
            statistics["max"] = round(self._max * 1e3, 3)
        return statistics


class RecentHistogram(Histogram):
    """A histogram of all durations, and one of the last 30 to 60 s."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Create an empty histogram. `clock` returns the time in s."""
        super().__init__()
        self._clock = clock
        self._newer, self._older = Histogram(), Histogram()
        self._newer_ends = clock() + RECENT_S

    def add(self, seconds: float) -> None:
        """Add one duration in s. A negative one counts as zero."""
        super().add(seconds)
        if (now := self._clock()) >= self._newer_ends:
            outdated = now >= self._newer_ends + RECENT_S  # nothing was added for so long
            self._newer, self._older = Histogram(), Histogram() if outdated else self._newer
            self._newer_ends = now + RECENT_S
        self._newer.add(seconds)

    def recent(self) -> Histogram:
        """Return a histogram of the last 30 to 60 s."""
        both = Histogram()
        for part in (self._older, self._newer):
            both._bins += part._bins
            both._max = max(both._max, part._max)
            both._count += part._count
        return both
