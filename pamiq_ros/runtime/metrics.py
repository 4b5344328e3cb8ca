"""MetricSeries: a training metric's course over any number of updates, in bounded memory."""

from __future__ import annotations

import math

_MOST_POINTS = 2048


class MetricSeries:
    """Values of one metric, oldest first; neighbours are averaged when there are too many.

    Attributes:
        count: Values recorded.
        newest: The last value.
    """

    def __init__(self) -> None:
        self.count = 0
        self.newest = math.nan
        self._per_point = 1
        self._means: list[float] = []
        self._pending: list[float] = []

    def add(self, value: float) -> None:
        """Record one value."""
        self.count += 1
        self.newest = value
        self._pending.append(value)
        if len(self._pending) < self._per_point:
            return
        self._means.append(math.fsum(self._pending) / len(self._pending))
        self._pending.clear()
        if len(self._means) >= _MOST_POINTS:
            pairs = zip(self._means[::2], self._means[1::2], strict=True)
            self._means = [(first + second) / 2 for first, second in pairs]
            self._per_point *= 2

    def tenths(self) -> dict[str, float]:
        """Means over the first and the last tenth of all values, at least one value each."""
        points = self._means or self._pending
        if not points:
            return {"first": math.nan, "last": math.nan}
        tenth = max(1, len(points) // 10)
        first = math.fsum(points[:tenth]) / tenth
        last = math.fsum(points[-tenth:]) / tenth
        return {"first": first, "last": last}
