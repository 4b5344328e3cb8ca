"""Time that `pause` stops and `resume` lets go on; `fixed_...` are those of the standard library.

Use it as the standard module: `from pamiq_ros.core import time`, then `time.time()`.
"""

from __future__ import annotations

import threading
import time as _time
from collections.abc import Callable

fixed_time = _time.time
fixed_sleep = _time.sleep


class StoppableCounter:
    """A counter of seconds that leaves out the time during which it was stopped."""

    def __init__(self, source: Callable[[], float]) -> None:
        """Count as `source` does until it is stopped for the first time."""
        self._source = source
        self._left_out = 0.0
        self._stopped_at: float | None = None

    def __call__(self) -> float:
        """Seconds now."""
        stopped_at = self._stopped_at  # read once: another thread may resume in between
        return self._source() - self._left_out if stopped_at is None else stopped_at

    def stop(self) -> None:
        """Stand still."""
        self._stopped_at = self()

    def resume(self) -> None:
        """Go on from where it stood still."""
        if self._stopped_at is not None:
            self._left_out = self._source() - self._stopped_at
            self._stopped_at = None


_lock = threading.Lock()
_paused = False
_time_counter = StoppableCounter(_time.time)
_perf_counter = StoppableCounter(_time.perf_counter)
_monotonic_counter = StoppableCounter(_time.monotonic)
_counters = (_time_counter, _perf_counter, _monotonic_counter)


def time() -> float:
    """Seconds since the epoch, less those spent paused."""
    return _time_counter()


def perf_counter() -> float:
    """Seconds of the finest counter, less those spent paused."""
    return _perf_counter()


def monotonic() -> float:
    """Seconds of a counter that never goes back, less those spent paused."""
    return _monotonic_counter()


def sleep(secs: float) -> None:
    """Wait for `secs` seconds; returns at once while paused."""
    if not _paused:
        _time.sleep(secs)


def pause() -> None:
    """Stop the time of this process; nothing if it is stopped."""
    global _paused
    with _lock:
        if not _paused:
            _paused = True
            for counter in _counters:
                counter.stop()


def resume() -> None:
    """Let the time of this process go on; nothing if it runs."""
    global _paused
    with _lock:
        if _paused:
            _paused = False
            for counter in _counters:
                counter.resume()


def is_paused() -> bool:
    """Whether the time of this process is stopped."""
    return _paused
