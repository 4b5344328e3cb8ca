"""ObservationTicker: a thread that calls a function at each new observation."""

from __future__ import annotations

from collections.abc import Callable

from .ticker import Ticker, TickTime

WATCH_S = 0.05


class ObservationTicker(Ticker):
    """Calls `tick` at each observation that `notify` tells of, at `rate` Hz at most.

    A tick is due when the observation arrives, but not before a period has passed since the tick
    before it was due. Observations that arrive in between, or while a tick runs, share the next
    tick: all but the newest are skipped. While none arrives, `watch` is called instead, once in a
    period or 50 ms, whichever is longer: silence must not keep a robot driving.
    """

    def __init__(
        self,
        rate: float,
        tick: Callable[[], None],
        watch: Callable[[], None],
        *,
        prepare: Callable[[], None] = lambda: None,
        clock: TickTime | None = None,
    ) -> None:
        """Make a ticker that does not tick yet; see `Ticker`.

        Args:
            rate: Most ticks per second in Hz, positive.
            tick: Called at each observation.
            watch: Called in the same thread while there is none; must not raise.
            prepare: Called first in each new thread.
            clock: By which ticks are due; None: a steady one.
        """
        super().__init__(rate, tick, prepare=prepare, clock=clock)
        self._watch = watch
        self._arrived: float | None = None
        self._arrivals = self._served = 0
        self._earliest = 0.0

    def notify(self) -> None:
        """Tell of an observation that has just arrived; any one thread, in microseconds."""
        self._arrived = self._clock.now()
        self._arrivals += 1
        self._wake.set()

    def _begin(self) -> None:
        # What arrived during a pause was not missed, and is too old to act on.
        self._arrived = None
        self._served = self._arrivals
        self._earliest = self._clock.now()

    def _wait(self) -> float | None:
        silence = max(self._period, WATCH_S)
        while not self._stopping:
            if self._arrived is None:
                if not self._wake.wait(silence):
                    self._watch()
                self._wake.clear()
            elif self._period >= (early := self._earliest - self._clock.now()) > 0.0:
                # Woken by a newer observation, it goes on waiting for the rest of the period. A
                # clock that went back by more keeps nobody waiting.
                self._clock.wait(early, self._wake)
                self._wake.clear()
            else:
                return self._take()
        return None

    def _take(self) -> float:
        arrived, arrivals = self._arrived, self._arrivals
        assert arrived is not None
        self._arrived = None
        self.skipped += max(0, arrivals - self._served - 1)
        self._served = arrivals
        # A clock that went back has its own idea of what is early.
        due = max(arrived, self._earliest) if self._earliest - arrived <= self._period else arrived
        # From when it was due and not from when it began, or lateness would add up.
        self._earliest = due + self._period
        return due

    def _end(self, ended: float) -> None:
        """What was missed is known when the next observation is taken."""
