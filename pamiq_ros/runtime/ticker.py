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

"""Ticker: a thread that calls a function at a fixed rate, with absolute deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from .histogram import Histogram, RecentHistogram
from .scheduling import precise_timers


class TickTime(Protocol):
    """A clock with a wait."""

    def now(self) -> float:
        """Return seconds since a fixed time."""

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait for `seconds` of this clock or until `wake` is set. It may return early."""


class SteadyTime:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Return seconds; never decreasing."""
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait for `seconds`, or until `wake` is set."""
        wake.wait(seconds)


class Ticker:
    """Calls `tick` at a fixed rate from a thread of its own.

    Deadline k is start + k x period, so a late tick does not shift later ones. If several deadlines
    pass while a tick runs, the next tick serves the newest of them. The others are counted as
    skipped and not caught up in a burst.

    Attributes:
        lateness: Time from each tick's deadline to its begin.
        compute: Duration of each tick.
        ticks: Number of ticks, over all starts.
        skipped: Number of deadlines that passed while a tick ran.
    """

    def __init__(
        self,
        rate: float,
        tick: Callable[[], None],
        *,
        prepare: Callable[[], None] = lambda: None,
        clock: TickTime | None = None,
        on_jump_back: Callable[[float], object] = lambda seconds: None,
    ) -> None:
        """Create a ticker; `start` begins to tick.

        Args:
            rate: Ticks per second in Hz, positive.
            tick: Called at each deadline. It must not raise: an exception ends the thread.
            prepare: Called first in each new thread, for settings of the thread.
            clock: The clock of the deadlines; None: the machine's monotonic clock.
            on_jump_back: Called with the size of a backward jump of the clock, in s. Deadlines then
                restart from the clock's new time.
        """
        self.lateness = RecentHistogram()
        self.compute = Histogram()
        self.ticks = 0
        self.skipped = 0
        self._period = 1.0 / rate
        self._tick = tick
        self._prepare = prepare
        self._clock = clock or SteadyTime()
        self._on_jump_back = on_jump_back
        self._stopping = False
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._span = 0.0
        self._intervals = 0

    @property
    def period(self) -> float:
        """Time between two deadlines, in s."""
        return self._period

    @property
    def rate(self) -> float:
        """Measured rate in Hz, without pauses; 0.0 before the second tick."""
        return self._intervals / self._span if self._span > 0.0 else 0.0

    @property
    def running(self) -> bool:
        """Whether the thread is ticking."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Start to tick, with the first deadline now. Does nothing while running."""
        if self.running:
            return
        self._stopping = False
        self._wake.clear()
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Stop after the current tick.

        Returns:
            Whether it stopped within `timeout` s. If not, it stops later by itself.
        """
        self._stopping = True
        self._wake.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
        return not self.running

    def _run(self) -> None:
        self._prepare()
        precise_timers()
        self._begin()
        previous: float | None = None
        while (due := self._wait()) is not None:
            now, began = self._clock.now(), time.monotonic()
            self.lateness.add(now - due)
            if previous is not None and now > previous:
                self._span += now - previous
                self._intervals += 1
            previous = now
            self._tick()
            self.compute.add(time.monotonic() - began)
            self.ticks += 1
            self._end(self._clock.now())

    def _begin(self) -> None:
        """Prepare the deadlines. Called once, before the first wait."""
        self._start = self._clock.now()
        self._index = 0

    def _wait(self) -> float | None:
        """Wait for the next deadline; return it, or None to stop."""
        due = self._start + self._index * self._period
        while not self._stopping and (left := due - self._clock.now()) > 0.0:
            if left > 1.5 * self._period:  # it was due after one period at most
                self._on_jump_back(left)
                self._begin()
                due = self._start
                continue
            self._clock.wait(left, self._wake)
        # Of several passed deadlines the newest is served. Its lateness counts from the oldest.
        newest_due = int((self._clock.now() - self._start) / self._period)
        self.skipped += max(0, newest_due - self._index)
        self._index = max(newest_due, self._index)
        return None if self._stopping else due

    def _end(self, ended: float) -> None:
        """Count the deadlines that passed during the tick. Called after each tick."""
        newest_due = int((ended - self._start) / self._period)
        self.skipped += max(0, newest_due - self._index - 1)
        self._index = max(newest_due, self._index + 1)
