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

"""A process-wide clock without the time spent paused.

Replaces the standard module: `from pamiq_ros.core import time`, then `time.time()`. `fixed_time`
and `fixed_sleep` are the functions of the standard library.
"""

from __future__ import annotations

import threading
import time as _time
from collections.abc import Callable

fixed_time = _time.time
fixed_sleep = _time.sleep


class StoppableCounter:
    """A counter of seconds that excludes the time during which it was stopped."""

    def __init__(self, source: Callable[[], float]) -> None:
        """Create a running counter on top of `source`, a clock in seconds."""
        self._source = source
        self._excluded = 0.0
        self._stopped_at: float | None = None

    def __call__(self) -> float:
        """Return the current count in seconds."""
        stopped_at = self._stopped_at  # read once: another thread may call resume
        return self._source() - self._excluded if stopped_at is None else stopped_at

    def stop(self) -> None:
        """Stop counting."""
        self._stopped_at = self()

    def resume(self) -> None:
        """Continue from the count at which it was stopped."""
        if self._stopped_at is not None:
            self._excluded = self._source() - self._stopped_at
            self._stopped_at = None


_lock = threading.Lock()
_paused = False
_time_counter = StoppableCounter(_time.time)
_perf_counter = StoppableCounter(_time.perf_counter)
_monotonic_counter = StoppableCounter(_time.monotonic)
_counters = (_time_counter, _perf_counter, _monotonic_counter)


def time() -> float:
    """Return seconds since the epoch, without the time spent paused."""
    return _time_counter()


def perf_counter() -> float:
    """Return seconds of the most precise clock, without the time spent paused."""
    return _perf_counter()


def monotonic() -> float:
    """Return seconds of a clock that never goes back, without the time spent paused."""
    return _monotonic_counter()


def sleep(secs: float) -> None:
    """Wait for `secs` seconds. Returns at once while paused."""
    if not _paused:
        _time.sleep(secs)


def pause() -> None:
    """Stop the time of this process. Does nothing if it is stopped."""
    global _paused
    with _lock:
        if not _paused:
            _paused = True
            for counter in _counters:
                counter.stop()


def resume() -> None:
    """Continue the time of this process. Does nothing if it runs."""
    global _paused
    with _lock:
        if _paused:
            _paused = False
            for counter in _counters:
                counter.resume()


def is_paused() -> bool:
    """Return whether the time of this process is stopped."""
    return _paused
