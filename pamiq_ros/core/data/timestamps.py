"""ArrivalTimes: when how many steps arrived, in bounded memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

_MAX_PAIRS = 1 << 16


class ArrivalTimes:
    """Pairs of a time and the steps that arrived then, oldest first.

    Past 65536 pairs the two oldest become one with the newer time.
    """

    def __init__(self, max_steps: int | None, pairs: Iterable[tuple[float, int]] = ()) -> None:
        """Begin with what was kept before.

        Args:
            max_steps: Older steps than these newest are forgotten; None: none are.
            pairs: Times in s and counts, oldest first.
        """
        self._max_steps = max_steps
        self._pairs: deque[tuple[float, int]] = deque()
        self._total = 0
        for time, count in pairs:
            self.add(time, count)

    def add(self, time: float, count: int) -> None:
        """Note that `count` steps arrived at `time`."""
        if count == 0:
            return
        if self._pairs and self._pairs[-1][0] == time:
            count_before = self._pairs.pop()[1]
            self._total -= count_before
            count += count_before
        self._pairs.append((time, count))
        self._total += count
        while self._max_steps is not None and self._total - self._pairs[0][1] >= self._max_steps:
            self._total -= self._pairs.popleft()[1]
            if not self._pairs:
                return
        if len(self._pairs) > _MAX_PAIRS:
            oldest, second = self._pairs.popleft(), self._pairs.popleft()
            self._pairs.appendleft((second[0], oldest[1] + second[1]))

    def count_since(self, time: float) -> int:
        """How many steps arrived after `time`, of those that are not forgotten."""
        count = 0
        for arrival, steps in reversed(self._pairs):
            if arrival <= time:
                break
            count += steps
        return count if self._max_steps is None else min(count, self._max_steps)

    def pairs(self) -> list[tuple[float, int]]:
        """The pairs, oldest first."""
        return list(self._pairs)
