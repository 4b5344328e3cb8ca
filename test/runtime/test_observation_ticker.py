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

"""The tick thread that observations wake: one tick for each, at the rate at most, else a watch."""

import threading
import time

import pytest

from pamiq_ros.runtime.observation_ticker import ObservationTicker

DEADLINE = 20.0
FAST = 1000.0


class Counted:
    """Something to be called, that others can wait for."""

    def __init__(self):
        self.times, self.threads = [], set()
        self._changed = threading.Condition()

    def __call__(self):
        with self._changed:
            self.times.append(time.monotonic())
            self.threads.add(threading.get_ident())
            self._changed.notify_all()

    def __len__(self):
        return len(self.times)

    def wait_for(self, count):
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.times) >= count, DEADLINE)


@pytest.fixture
def make():
    made = []

    def start(rate, tick=None):
        ticks, watches = Counted(), Counted()
        ticker = ObservationTicker(rate, (lambda: (ticks(), tick())) if tick else ticks, watches)
        made.append(ticker)
        ticker.start()
        watches.wait_for(1)  # it has begun: what is told from now on counts
        return ticker, ticks, watches

    yield start
    for ticker in made:
        assert ticker.stop(DEADLINE)


def test_each_observation_makes_one_tick(make):
    ticker, ticks, _ = make(FAST)
    for count in range(1, 51):
        ticker.notify()
        ticks.wait_for(count)
    assert ticker.stop(DEADLINE)
    assert len(ticks) == ticker.ticks == 50
    assert ticker.skipped == 0
    assert len(ticker.lateness) == len(ticker.compute) == 50


def test_silence_is_watched_and_makes_no_tick(make):
    ticker, ticks, watches = make(FAST)
    watches.wait_for(3)
    assert len(ticks) == 0
    ticker.notify()
    ticks.wait_for(1)
    watches.wait_for(len(watches) + 3)
    assert len(ticks) == 1
    assert ticks.threads == watches.threads  # so that what they touch needs no lock
    assert threading.get_ident() not in ticks.threads


def test_a_burst_ticks_no_faster_than_the_rate(make):
    rate = 50.0
    ticker, ticks, _ = make(rate)
    told, began = 0, time.monotonic()
    while len(ticks) < 20:
        ticker.notify()
        told += 1
        threading.Event().wait(0.001)  # a sensor ten times as fast, and more
        assert time.monotonic() < began + DEADLINE
    assert ticker.stop(DEADLINE)
    for index, at in enumerate(ticks.times):
        assert at >= began + index / rate
    assert 0 < ticker.skipped <= told - ticker.ticks


def test_observations_during_a_tick_share_the_next_one(make):
    entered, leave = threading.Semaphore(0), threading.Semaphore(0)

    def tick():
        entered.release()
        assert leave.acquire(timeout=DEADLINE)

    ticker, ticks, watches = make(FAST, tick)
    ticker.notify()
    assert entered.acquire(timeout=DEADLINE)
    for _ in range(5):
        ticker.notify()
    leave.release()
    assert entered.acquire(timeout=DEADLINE)
    leave.release()
    watches.wait_for(len(watches) + 2)
    assert len(ticks) == 2 and ticker.skipped == 4


def test_every_observation_is_served_or_counted_as_skipped(make, eager_threads):
    ticker, ticks, watches = make(FAST)
    told = 0
    while len(ticks) < 200:
        ticker.notify()
        told += 1
    watches.wait_for(len(watches) + 2)  # all that was told is served
    ticker.notify()
    ticks.wait_for(ticker.ticks + 1)
    assert ticker.stop(DEADLINE)
    assert ticker.ticks + ticker.skipped == told + 1


def test_what_came_during_a_pause_is_too_old_to_act_on(make):
    ticker, ticks, watches = make(FAST)
    ticker.notify()
    ticks.wait_for(1)
    assert ticker.stop(DEADLINE)
    for _ in range(3):
        ticker.notify()
    ticker.start()
    watches.wait_for(len(watches) + 2)
    assert len(ticks) == 1
    ticker.notify()
    ticks.wait_for(2)
    assert ticker.stop(DEADLINE)
    assert len(ticks) == 2 and ticker.skipped == 0


def test_stop_does_not_wait_for_an_observation_nor_for_the_period():
    hour = 1 / 3600
    for observations in (0, 1, 2):
        ticks = Counted()
        ticker = ObservationTicker(hour, ticks, lambda: None)
        ticker.start()
        while len(ticks) < min(observations, 1):
            ticker.notify()
            threading.Event().wait(0.001)
        if observations > 1:
            ticker.notify()  # has to wait for the rest of the hour
        assert ticker.stop(DEADLINE)
        assert len(ticks) == min(observations, 1)
