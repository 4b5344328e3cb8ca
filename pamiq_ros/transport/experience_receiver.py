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

"""Receives experience: delivers new steps once, counts missing and duplicate ones."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from pamiq_ros.core.data.batch import StepBatch

from .experience import MAX_EXPERIENCE_BYTES, ExperienceBatch, decode_experience
from .payload import Buffer, DigestMismatch, PayloadError, Reported, named

FARTHEST = 2**16
"""A number farther than this from the known numbers restarts the window."""

REMEMBERED = 2**20
"""The window remembers this many numbers up to the highest."""

_LARGEST_LOSS = 2**32
_MOST_SOURCES = 64
_COUNTERS = ("received", "batches", "bytes", "duplicates", "malformed", "foreign", "rejected")


class SequenceWindow:
    """Sorts the numbered steps of one source into new, duplicate and missing ones.

    The window begins at the first number received. A missing number is lost until it is received.
    At most `most_gaps` gaps are remembered; numbers in older gaps stay lost. A number more than
    `FARTHEST` away restarts the window: it may be forged, and must not make the source's next
    steps duplicates. For the same reason, numbers more than `REMEMBERED` below the highest are
    forgotten.

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
        """How many numbers between the lowest and the highest were not received.

        A distance of 2^32 or more is not counted: nobody sends that many steps.
        """
        return self._given_up + sum(end - begin for begin, end in self._gaps)

    @property
    def end(self) -> int:
        """One more than the highest number received; -1 before the first."""
        return self._end

    def ranges(self) -> list[tuple[int, int]]:
        """Return the received numbers as ranges (begin, end), end excluded, ascending."""
        if self._begin < 0:
            return []
        begins = [self._begin, *(end for _, end in self._gaps)]
        ends = [*(begin for begin, _ in self._gaps), self._end]
        return list(zip(begins, ends, strict=True))

    def add(self, first: int, count: int) -> list[tuple[int, int]]:
        """Record `count` received numbers, beginning with `first`.

        Args:
            first: Sequence number of the first step, 0 or more.
            count: How many steps, 1 or more.

        Returns:
            The ranges (begin, end) that were not received before, end excluded, ascending.
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


class ExperienceReceiver:
    """Checks the experience of any number of sources and delivers each step once.

    Args:
        digest: Digest of this node's configuration; experience of another is refused.
        buffers: Names of the buffers.
        deliver: Called with a buffer's name and new steps, in the thread of `receive`. If it
            raises a KeyError, TypeError or ValueError, that is reported and the steps are dropped.
        on_error: Called with a text for each error, in the thread of `receive`.
        max_bytes: Longer payloads are refused unread.
    """

    def __init__(
        self,
        digest: str,
        buffers: Iterable[str],
        deliver: Callable[[str, StepBatch], None],
        *,
        max_bytes: int = MAX_EXPERIENCE_BYTES,
        on_error: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._digest = digest
        self._deliver = deliver
        self._max_bytes = max_bytes
        self._on_error = on_error
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in buffers}
        self._windows: OrderedDict[tuple[str, str], SequenceWindow] = OrderedDict()
        self._reported = Reported()
        self._lock = threading.Lock()

    def receive(self, buffer: str, data: Buffer) -> None:
        """Process a payload; any thread. No payload makes this raise.

        Args:
            buffer: Name of the buffer on whose topic it was received.
            data: The payload; nobody changes it afterwards, because the steps are views of it.

        Raises:
            KeyError: There is no such buffer.
        """
        with self._lock:
            counts = self._counts[buffer]
            counts["bytes"] += memoryview(data).nbytes
            try:
                batch = self._read(buffer, data)
            except DigestMismatch as error:
                counts["foreign"] += 1
                if self._reported.is_new(error.source, error.found):
                    self._on_error(f"experience for buffer {buffer!r} refused: {error}")
            except PayloadError as error:
                counts["malformed"] += 1
                self._on_error(f"experience for buffer {buffer!r} is malformed: {error}")
            else:
                counts["batches"] += 1
                self._deliver_new(buffer, batch, counts)

    def statistics(self) -> dict[str, dict[str, int]]:
        """Return counters since the receiver was created, by buffer.

        Returns:
            For each buffer: `received`, `lost` and `duplicates` in steps; `rejected`, steps that
            could not be delivered; `batches`, `malformed` and `foreign` (of another digest) in
            payloads; `bytes`; `up_to`, one more than the highest number received from the newest
            source, to compare with the sender's `numbered`.
        """
        with self._lock:
            counters = {
                name: {key: counts[key] for key in _COUNTERS}
                | {"lost": counts["forgotten"], "up_to": 0}
                for name, counts in self._counts.items()
            }
            for (name, _), window in self._windows.items():
                counters[name]["lost"] += window.lost
                counters[name]["up_to"] = max(0, window.end)
            return counters

    def received(self) -> list[tuple[str, str, list[tuple[int, int]]]]:
        """Return the ranges of received numbers for each buffer and source."""
        with self._lock:
            return [(*names, window.ranges()) for names, window in self._windows.items()]

    def restore_received(
        self, received: Iterable[tuple[str, str, Iterable[tuple[int, int]]]]
    ) -> None:
        """Mark steps as already delivered; repeats count as duplicates.

        Args:
            received: Result of `received` of an earlier receiver.
        """
        with self._lock:
            for buffer, source, ranges in received:
                if buffer in self._counts:
                    window = self._window(buffer, source)
                    for begin, end in ranges:
                        window.add(begin, end - begin)

    def _read(self, buffer: str, data: Buffer) -> ExperienceBatch:
        batch = decode_experience(data, self._max_bytes)
        if batch.digest != self._digest:
            raise DigestMismatch(self._digest, batch.digest, batch.source)
        if batch.buffer != buffer:
            raise PayloadError(f"expected experience for {buffer!r}, found {batch.buffer[:80]!r}")
        return batch

    def _deliver_new(self, buffer: str, batch: ExperienceBatch, counts: Counter[str]) -> None:
        first, count = batch.first_sequence, len(batch.steps)
        for begin, end in self._window(buffer, batch.source).add(first, count):
            count -= end - begin
            try:
                self._deliver(buffer, batch.steps[begin - first : end - first])
            except (KeyError, TypeError, ValueError) as error:
                counts["rejected"] += end - begin
                self._on_error(f"buffer {buffer!r} does not accept its experience: {named(error)}")
            else:
                counts["received"] += end - begin
        counts["duplicates"] += count

    def _window(self, buffer: str, source: str) -> SequenceWindow:
        window = self._windows.setdefault((buffer, source), SequenceWindow())
        self._windows.move_to_end((buffer, source))
        while len(self._windows) > _MOST_SOURCES * len(self._counts):
            (name, _), forgotten = self._windows.popitem(last=False)
            self._counts[name]["forgotten"] += forgotten.lost
        return window
