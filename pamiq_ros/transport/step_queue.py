"""The queue between a tick that must not wait and the thread that sends."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple


class WakeUp:
    """What an Event is for, with one thread that waits and clears at once.

    An Event's `set` takes 50 us where caches are cold, as they are in a tick after its sleep: it
    is Python upon Python. A lock's `release` takes 15 us.
    """

    def __init__(self) -> None:
        self._silence = threading.Lock()
        self._silence.acquire()

    def ring(self) -> None:
        """Wake the thread that waits, or the next one that would; any thread."""
        if self._silence.locked():
            try:
                self._silence.release()
            except RuntimeError:  # another thread rang in this moment
                return

    def wait(self, timeout: float | None = None) -> None:
        """Return when it has rung since the last call, at the latest after `timeout` s."""
        self._silence.acquire(timeout=-1 if timeout is None else timeout)


_OVERHEAD_BYTES = 64
_SCALAR_BYTES = 8


class QueuedStep(NamedTuple):
    """A step as it was collected.

    Attributes:
        number: Counts the steps put into the queue, from 0; those dropped are missing in between.
        step: The step.
        weights_version: Version of the weights that acted.
        stamp_ns: When it was collected, in ns since the epoch.
        queued_at: When it was put into the queue, in s of the monotonic clock.
        nbytes: About how much memory it takes.
    """

    number: int
    step: Any
    weights_version: int
    stamp_ns: int
    queued_at: float
    nbytes: int


class StepQueue:
    """Bounded by bytes: the oldest step gives way to the newest. One thread takes.

    Putting never waits for the thread that takes, as the two share no lock: each end of a deque is
    safe by itself, and the figures of either side are written by that side alone.

    Args:
        max_bytes: What the queued steps may take; one step is kept however large it is.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._steps: deque[QueuedStep] = deque()
        self._put_lock = threading.Lock()
        self._put = self._dropped = 0
        self._put_bytes = self._dropped_bytes = self._taken_bytes = 0

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def put_count(self) -> int:
        """How many steps were put in so far; the next one's number."""
        return self._put

    @property
    def dropped_count(self) -> int:
        """How many steps gave way."""
        return self._dropped

    @property
    def nbytes(self) -> int:
        """About how much memory the queued steps take."""
        return self._put_bytes - self._dropped_bytes - self._taken_bytes

    @property
    def oldest(self) -> QueuedStep | None:
        """The step to be taken next; None when the queue is empty."""
        try:
            return self._steps[0]
        except IndexError:
            return None

    def put(self, step: Any, weights_version: int, stamp_ns: int) -> None:
        """Append a step, in microseconds."""
        nbytes = step_bytes(step)
        with self._put_lock:
            self._steps.append(
                QueuedStep(self._put, step, weights_version, stamp_ns, time.monotonic(), nbytes)
            )
            self._put += 1
            self._put_bytes += nbytes
            while self.nbytes > self._max_bytes and len(self._steps) > 1:
                self._drop_oldest()

    def take(self, max_steps: int, max_bytes: int) -> list[QueuedStep]:
        """Remove the oldest steps: at most these many, of at most these bytes, but at least one."""
        taken: list[QueuedStep] = []
        room = max_bytes
        while len(taken) < max_steps and (oldest := self.oldest) is not None:
            if taken and oldest.nbytes > room:
                break
            try:
                oldest = self._steps.popleft()
            except IndexError:
                break
            self._taken_bytes += oldest.nbytes
            room -= oldest.nbytes
            taken.append(oldest)
        return taken

    def _drop_oldest(self) -> None:
        try:
            oldest = self._steps.popleft()
        except IndexError:  # taken in this moment
            return
        self._dropped += 1
        self._dropped_bytes += oldest.nbytes


def step_bytes(step: Any) -> int:
    """About how many bytes of memory a step takes; reads no data."""
    return _OVERHEAD_BYTES + _nbytes(step)


def _nbytes(value: Any) -> int:
    # The tick waits for this: exact types first, as asking for a Mapping takes as long as the rest.
    kind = type(value)
    if kind is float or kind is int or kind is bool or value is None:
        return _SCALAR_BYTES
    if kind is dict:
        return sum(map(_nbytes, value.values()))
    if kind is list or kind is tuple:
        return sum(map(_nbytes, value))
    if kind is str:
        return len(value)
    nbytes = getattr(value, "nbytes", None)
    if nbytes is None and isinstance(value, Mapping):
        return sum(map(_nbytes, value.values()))
    return _SCALAR_BYTES if nbytes is None else int(nbytes)
