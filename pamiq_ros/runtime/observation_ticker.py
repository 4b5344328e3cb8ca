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

"""ObservationTicker: a thread that calls a function at each new observation."""

from __future__ import annotations

from collections.abc import Callable

from .ticker import Ticker, TickTime

WATCH_S = 0.05


class ObservationTicker(Ticker):
    """Calls `tick` once per call of `notify`, at most at `rate` Hz.

    A tick is due when the observation arrives, and at least one period after the previous tick was
    due. Observations that arrive earlier, or while a tick runs, share the next tick: all but the
    newest are skipped. While none arrives, `watch` is called instead, once per period or 50 ms,
    whichever is longer, so that a silent sensor stops the robot.
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
        """Create a ticker; see `Ticker`.

        Args:
            rate: Maximum ticks per second in Hz, positive.
            tick: Called at each observation.
            watch: Called in the same thread while no observation arrives. It must not raise.
            prepare: Called first in each new thread.
            clock: The clock of the deadlines; None: the machine's monotonic clock.
        """
        super().__init__(rate, tick, prepare=prepare, clock=clock)
        self._watch = watch
        self._arrived: float | None = None
        self._arrivals = self._served = 0
        self._earliest = 0.0

    def notify(self) -> None:
        """Report that an observation has arrived, within microseconds. One thread calls it."""
        self._arrived = self._clock.now()
        self._arrivals += 1
        self._wake.set()

    def _begin(self) -> None:
        # Observations of a pause do not count as skipped and are too old to act on.
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
                # Woken by a newer observation, it waits for the rest of the period. After a jump
                # back by more than a period it does not wait.
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
        # After a jump back of the clock, the earliest time is not valid any more.
        due = max(arrived, self._earliest) if self._earliest - arrived <= self._period else arrived
        # From its deadline and not from its begin, or lateness would add up.
        self._earliest = due + self._period
        return due

    def _end(self, ended: float) -> None:
        """Do nothing: skipped observations are counted when the next one is taken."""
