"""Ticker: a thread that calls a function at a fixed rate, with absolute deadlines."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Protocol

from .histogram import Histogram, RecentHistogram
from .scheduling import precise_timers


class TickTime(Protocol):
    """A clock that can be waited for."""

    def now(self) -> float:
        """Seconds since any fixed moment."""

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait for about `seconds` of this clock, or until `wake` is set; may return early."""


class SteadyTime:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds; they never go back."""
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait for `seconds`, or until `wake` is set."""
        wake.wait(seconds)


class Ticker:
    """Calls `tick` at a fixed rate from a thread of its own.

    Deadline k is start + k x period, so that a late tick does not shift the ones after it. Of
    several deadlines that pass while a tick runs only the newest is served, late; the ones before
    it are skipped and counted, never made up for in a burst.

    Attributes:
        lateness: How long after it was due each tick began.
        compute: How long each tick took.
        ticks: Ticks done, over all runs.
        skipped: Deadlines that passed while a tick still ran.
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
        """Make a ticker that does not tick yet.

        Args:
            rate: Ticks per second in Hz, positive.
            tick: Called at each deadline; must not raise (an exception ends the thread).
            prepare: Called first in each new thread, to set what threads have for themselves.
            clock: By which ticks are due; None: a steady one.
            on_jump_back: Called with how far the clock went back, in s; deadlines begin anew then.
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
        """Time between deadlines in s."""
        return self._period

    @property
    def rate(self) -> float:
        """Ticks per second really done, in Hz; pauses do not count. 0.0 before two ticks."""
        return self._intervals / self._span if self._span > 0.0 else 0.0

    @property
    def running(self) -> bool:
        """Whether the thread is ticking."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Begin ticking, with the first deadline now; does nothing while running."""
        if self.running:
            return
        self._stopping = False
        self._wake.clear()
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """End ticking once the tick in progress is done.

        Returns:
            False if it was not done within `timeout` s; it then ends by itself, later.
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
        """Called once, before the first wait."""
        self._start = self._clock.now()
        self._index = 0

    def _wait(self) -> float | None:
        """Wait until a tick is due; when it was due, or None to end."""
        due = self._start + self._index * self._period
        while not self._stopping and (left := due - self._clock.now()) > 0.0:
            if left > 1.5 * self._period:  # it was due after one period at most
                self._on_jump_back(left)
                self._begin()
                due = self._start
                continue
            self._clock.wait(left, self._wake)
        # Of several that passed meanwhile one is served; how late it is says the first of them.
        newest_due = int((self._clock.now() - self._start) / self._period)
        self.skipped += max(0, newest_due - self._index)
        self._index = max(newest_due, self._index)
        return None if self._stopping else due

    def _end(self, ended: float) -> None:
        """Called after each tick."""
        newest_due = int((ended - self._start) / self._period)
        self.skipped += max(0, newest_due - self._index - 1)
        self._index = max(newest_due, self._index + 1)
