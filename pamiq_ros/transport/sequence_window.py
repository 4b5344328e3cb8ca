"""Which sequence numbers of one source have come, and which are missing."""

from __future__ import annotations

FARTHEST = 2**16
"""How far beyond the numbers seen so far a number may be to count with them."""

REMEMBERED = 2**20
"""How far behind the highest number it is known which have come."""

_LARGEST_LOSS = 2**32


class SequenceWindow:
    """Sorts numbered batches into new, duplicate and missing steps.

    The first number seen starts the count. Missing numbers are lost until they come after all.
    At most `most_gaps` gaps are kept open; what belongs to an older one stays lost. A number more
    than `FARTHEST` away starts the count anew: it may be made up, and what follows the numbers
    before must not be taken for doubled. For the same reason what is more than `REMEMBERED` behind
    the highest number is forgotten.

    Args:
        most_gaps: How many gaps are remembered.
    """

    def __init__(self, most_gaps: int = 256) -> None:
        self._most_gaps = most_gaps
        self._begin = self._end = -1
        self._gaps: list[tuple[int, int]] = []
        self._given_up = 0

    @property
    def lost(self) -> int:
        """How many numbers between the lowest and the highest seen have not come.

        A distance of 2^32 or more is no loss: nobody sends as much.
        """
        return self._given_up + sum(end - begin for begin, end in self._gaps)

    @property
    def end(self) -> int:
        """One more than the highest number seen; -1 before any."""
        return self._end

    def parts(self) -> list[tuple[int, int]]:
        """The numbers that have come, as (begin, end) with end excluded, ascending."""
        if self._begin < 0:
            return []
        begins = [self._begin, *(end for _, end in self._gaps)]
        ends = [*(begin for begin, _ in self._gaps), self._end]
        return list(zip(begins, ends, strict=True))

    def add(self, first: int, count: int) -> list[tuple[int, int]]:
        """Take note of the numbers from `first` on.

        Args:
            first: Sequence number of the first step, 0 or more.
            count: How many steps, 1 or more.

        Returns:
            The parts that have not come before, as (begin, end) with end excluded, ascending.
        """
        begin, end = first, first + count
        if self._begin >= 0 and (begin > self._end + FARTHEST or end < self._begin - FARTHEST):
            self._forget(begin - self._end)
        if self._begin < 0:
            self._begin, self._end = begin, end
            return [(begin, end)]
        parts = [*self._before(begin, end), *self._between(begin, end), *self._after(begin, end)]
        while len(self._gaps) > self._most_gaps:
            oldest = self._gaps.pop(0)
            self._given_up += oldest[1] - oldest[0]
        self._trim(self._end - REMEMBERED)
        return parts

    def _forget(self, distance: int) -> None:
        self._given_up = self.lost + (distance if 0 < distance < _LARGEST_LOSS else 0)
        self._begin = self._end = -1
        self._gaps = []

    def _trim(self, floor: int) -> None:
        while self._gaps and self._gaps[0][0] < floor:
            low, high = self._gaps.pop(0)
            self._given_up += high - low
            self._begin = high
        self._begin = max(self._begin, floor)

    def _before(self, begin: int, end: int) -> list[tuple[int, int]]:
        if begin >= self._begin:
            return []
        if end < self._begin:
            self._gaps.insert(0, (end, self._begin))
        part = (begin, min(end, self._begin))
        self._begin = begin
        return [part]

    def _between(self, begin: int, end: int) -> list[tuple[int, int]]:
        parts: list[tuple[int, int]] = []
        still_open: list[tuple[int, int]] = []
        for low, high in self._gaps:
            filled = (max(low, begin), min(high, end))
            if filled[0] >= filled[1]:
                still_open.append((low, high))
                continue
            parts.append(filled)
            rest = ((low, filled[0]), (filled[1], high))
            still_open += [gap for gap in rest if gap[0] < gap[1]]
        self._gaps = still_open
        return parts

    def _after(self, begin: int, end: int) -> list[tuple[int, int]]:
        if end <= self._end:
            return []
        if begin > self._end:
            self._gaps.append((self._end, begin))
        part = (max(begin, self._end), end)
        self._end = end
        return [part]
