"""Receives experience: what is new is delivered once, what is missing or doubled is counted."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable

from pamiq_ros.core.data.batch import StepBatch

from .experience import MAX_EXPERIENCE_BYTES, ExperienceBatch, decode_experience
from .payload import Buffer, DigestMismatch, PayloadError, Reported, named
from .sequence_window import SequenceWindow

_MOST_SOURCES = 64
_FIGURES = ("received", "batches", "bytes", "duplicates", "malformed", "foreign", "rejected")


class ExperienceReceiver:
    """Checks, sorts and delivers the experience of any number of sources.

    Args:
        digest: Digest of this node's configuration; experience of another is refused.
        buffers: Names of the buffers experience is received for.
        deliver: Called with a buffer's name and the new steps, in the thread of `receive`. A
            KeyError, TypeError or ValueError it raises is reported and the steps are dropped.
        on_error: Called with a text for each thing that goes wrong, in the thread of `receive`.
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
        self._foreign = Reported()
        self._lock = threading.Lock()

    def receive(self, buffer: str, data: Buffer) -> None:
        """Take a payload; any thread. Nothing in it makes this raise.

        Args:
            buffer: Name of the buffer whose topic it came on.
            data: The payload; leave it alone afterwards, as the steps are views of it.

        Raises:
            KeyError: `buffer` is none of the receiver's.
        """
        with self._lock:
            counts = self._counts[buffer]
            counts["bytes"] += memoryview(data).nbytes
            try:
                batch = self._read(buffer, data)
            except DigestMismatch as error:
                counts["foreign"] += 1
                if self._foreign.is_new(error.source, error.found):
                    self._on_error(f"experience for buffer {buffer!r} refused: {error}")
            except PayloadError as error:
                counts["malformed"] += 1
                self._on_error(f"experience for buffer {buffer!r} is malformed: {error}")
            else:
                counts["batches"] += 1
                self._deliver_new(buffer, batch, counts)

    def figures(self) -> dict[str, dict[str, int]]:
        """Counts so far, by buffer.

        Returns:
            For each buffer: `received`, `lost` and `duplicates` in steps, `rejected` in steps that
            could not be delivered; `batches`, `malformed` and `foreign` (of another digest) in
            payloads; `bytes`; and `up_to`: how many of its steps the newest source had numbered
            with the newest that came, to compare with its own `numbered`.
        """
        with self._lock:
            figures = {
                name: {key: counts[key] for key in _FIGURES}
                | {"lost": counts["forgotten"], "up_to": 0}
                for name, counts in self._counts.items()
            }
            for (name, _), window in self._windows.items():
                figures[name]["lost"] += window.lost
                figures[name]["up_to"] = max(0, window.end)
            return figures

    def came(self) -> list[tuple[str, str, list[tuple[int, int]]]]:
        """Which steps have been delivered: for each buffer and source the parts of its numbers."""
        with self._lock:
            return [(*names, window.parts()) for names, window in self._windows.items()]

    def restore_received(self, came: Iterable[tuple[str, str, Iterable[tuple[int, int]]]]) -> None:
        """Take steps as delivered, by a receiver before this one; when they come, they are doubled.

        Args:
            came: What `came` of the other receiver has given.
        """
        with self._lock:
            for buffer, source, parts in came:
                if buffer in self._counts:
                    window = self._window(buffer, source)
                    for begin, end in parts:
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
                self._on_error(f"buffer {buffer!r} does not take its experience: {named(error)}")
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
