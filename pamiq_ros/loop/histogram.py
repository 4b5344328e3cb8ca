"""Histogram: percentiles of durations over weeks of ticks, in constant memory."""

from __future__ import annotations

import math

import numpy as np

_PER_DECADE = 231  # 10 ** (1 / 231) is 1.01: a percentile is right within 1 %
_DECADES = 8
_SMALLEST_S = 1e-6


class Histogram:
    """Durations in logarithmic bins from 1 µs to 100 s, each 1 % wide (the idea of HdrHistogram).

    What is under 1 µs counts as zero, what is over 100 s as 100 s (the maximum stays exact).

    One thread adds, any thread reads; a reader may miss the value being added.
    """

    def __init__(self) -> None:
        self._bins = np.zeros(_PER_DECADE * _DECADES + 1, dtype=np.int64)
        self._max = 0.0
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, seconds: float) -> None:
        """Count one duration in s; negative ones count as zero."""
        index = 0
        if seconds > _SMALLEST_S:
            index = int(math.log10(seconds / _SMALLEST_S) * _PER_DECADE) + 1
        self._bins[min(index, len(self._bins) - 1)] += 1
        self._max = max(self._max, seconds)
        self._count += 1

    def percentile(self, percent: float) -> float:
        """The duration in s that `percent` of all are not above; 0.0 while there are none."""
        if self._count == 0:
            return 0.0
        cumulative = np.cumsum(self._bins)
        index = int(np.searchsorted(cumulative, math.ceil(cumulative[-1] * percent / 100)))
        upper = _SMALLEST_S * 10 ** (index / _PER_DECADE) if index else 0.0
        return float(min(upper, self._max))

    def milliseconds(self, *percents: int, maximum: bool = False) -> dict[str, float]:
        """Figures for a report: `{"p50": …, "p99": …, "max": …}` in ms, to the microsecond."""
        figures = {f"p{p}": round(self.percentile(p) * 1e3, 3) for p in percents}
        if maximum:
            figures["max"] = round(self._max * 1e3, 3)
        return figures
