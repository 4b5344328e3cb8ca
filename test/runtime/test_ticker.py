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

"""The tick thread: absolute deadlines, skipped deadlines, stopping."""

import threading
import time

from pamiq_ros.runtime.ticker import Ticker


def test_ticks_go_on_until_stopped_and_are_counted():
    enough = threading.Event()
    ticks = []

    def tick():
        ticks.append(time.monotonic())
        if len(ticks) == 20:
            enough.set()

    ticker = Ticker(200.0, tick)
    ticker.start()
    assert enough.wait(10.0)
    assert ticker.stop()
    done = len(ticks)
    assert ticker.ticks == done == len(ticker.lateness) == len(ticker.compute)
    assert not ticker.running


def test_a_late_tick_does_not_shift_the_ones_after_it():
    # Every beginning lies on the grid of start + k x period, or after it by its own lateness.
    period = 0.02
    began = []
    enough = threading.Event()

    def tick():
        began.append(time.monotonic())
        if len(began) == 3:
            threading.Event().wait(2.5 * period)
        if len(began) == 30:
            enough.set()

    ticker = Ticker(1 / period, tick)
    ticker.start()
    assert enough.wait(20.0)
    ticker.stop()
    earliest_phase = min((b - began[0]) % period for b in began[4:])
    assert earliest_phase < period / 2 or earliest_phase > period * 0.9
    assert ticker.skipped >= 1


def test_overrun_skips_deadlines_instead_of_a_burst():
    began = []
    enough = threading.Event()

    def tick():
        began.append(time.monotonic())
        if len(began) == 1:
            threading.Event().wait(0.2)
        if len(began) == 6:
            enough.set()

    ticker = Ticker(100.0, tick)
    ticker.start()
    assert enough.wait(10.0)
    ticker.stop()
    assert ticker.skipped >= 18
    # After the newest passed deadline was served late, the rest are a period apart.
    assert began[5] - began[2] > 2 * 0.01


def test_stop_reports_a_tick_that_does_not_end():
    blocked, release = threading.Event(), threading.Event()

    def tick():
        blocked.set()
        release.wait(10.0)

    ticker = Ticker(100.0, tick)
    ticker.start()
    assert blocked.wait(5.0)
    assert not ticker.stop(timeout=0.05)
    release.set()
    assert ticker.stop(timeout=5.0)


def test_rate_does_not_count_pauses():
    counts = [threading.Event(), threading.Event()]
    total = 0

    def tick():
        nonlocal total
        total += 1
        if total == 10:
            counts[0].set()
        if total >= 20:
            counts[1].set()

    ticker = Ticker(100.0, tick)
    ticker.start()
    assert counts[0].wait(10.0)
    ticker.stop()
    threading.Event().wait(0.5)
    ticker.start()
    assert counts[1].wait(10.0)
    ticker.stop()
    # Twenty ticks in a span of 0.7 s would be under 30 Hz.
    assert ticker.rate > 50.0


class Simulated:
    """A clock that stands still unless it is set."""

    def __init__(self):
        self.time = 100.0
        self.waiting = threading.Event()
        self._set = threading.Event()

    def now(self):
        return self.time

    def wait(self, seconds, wake):
        self.waiting.set()
        wake.wait(0.005)

    def set(self, time):
        """Set it, and return once the ticker has seen that and waits again."""
        self.time = time
        for _ in range(2):
            self.waiting.clear()
            assert self.waiting.wait(10.0)


def test_ticks_follow_a_simulated_clock():
    clock = Simulated()
    ticker = Ticker(10.0, lambda: None, clock=clock)
    ticker.start()
    assert clock.waiting.wait(10.0)
    assert ticker.ticks == 1
    clock.set(100.09)
    assert ticker.ticks == 1
    clock.set(100.11)
    assert ticker.ticks == 2
    clock.set(100.55)  # three deadlines passed in one step of the clock
    assert (ticker.ticks, ticker.skipped) == (3, 3)
    assert ticker.stop()
    assert round(ticker.rate, 2) == round(2 / 0.55, 2)


def test_a_clock_that_goes_back_restarts_the_deadlines_and_is_told():
    clock, jumps = Simulated(), []
    ticker = Ticker(10.0, lambda: None, clock=clock, on_jump_back=jumps.append)
    ticker.start()
    assert clock.waiting.wait(10.0)
    clock.set(100.1)
    assert ticker.ticks == 2
    clock.set(3.0)
    assert ticker.ticks == 3 and [round(jump, 1) for jump in jumps] == [97.2]
    clock.set(3.11)
    assert ticker.ticks == 4
    assert ticker.stop()
