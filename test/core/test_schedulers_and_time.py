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

"""Schedulers run callbacks that are due; the clocks exclude the time spent paused."""

import pytest

from pamiq_ros.core import time
from pamiq_ros.core.time import StoppableCounter
from pamiq_ros.core.utils.schedulers import StepIntervalScheduler, TimeIntervalScheduler


@pytest.fixture
def paused():
    time.pause()
    yield
    time.resume()


def test_a_counter_excludes_the_time_while_it_was_stopped():
    now = [10.0]
    counter = StoppableCounter(lambda: now[0])
    counter.stop()
    now[0] = 15.0
    assert counter() == 10.0
    counter.resume()
    now[0] = 16.0
    assert counter() == 11.0
    counter.stop()
    now[0] = 20.0
    counter.resume()
    assert counter() == 11.0


def test_all_clocks_stop_while_paused(paused):
    assert time.is_paused()
    clocks = (time.time, time.perf_counter, time.monotonic)
    before = [clock() for clock in clocks]
    wall = time.fixed_time()
    while time.fixed_time() == wall:
        pass
    assert [clock() for clock in clocks] == before
    time.pause()  # a second time changes nothing
    assert [clock() for clock in clocks] == before


def test_sleep_returns_at_once_while_paused(paused):
    wall = time.fixed_time()
    time.sleep(60.0)
    assert time.fixed_time() - wall < 30.0


def test_time_continues_without_a_jump():
    time.pause()
    before = time.monotonic()
    time.resume()
    assert not time.is_paused()
    assert 0.0 <= time.monotonic() - before < 30.0
    time.resume()
    start = time.perf_counter()
    time.sleep(0.001)
    assert time.perf_counter() - start >= 0.001


def test_every_nth_step():
    calls = []
    scheduler = StepIntervalScheduler(3, lambda: calls.append("a"))
    scheduler.register_callback(lambda: calls.append("b"))
    for _ in range(7):
        scheduler.update()
    assert calls == ["a", "b"] * 2


def test_every_interval(monkeypatch):
    now, calls = [0.0], []
    monkeypatch.setattr(time, "time", lambda: now[0])
    scheduler = TimeIntervalScheduler(10.0, [lambda: calls.append(now[0])])
    for now[0] in (5.0, 10.0, 10.5, 15.0, 20.5, 21.0):
        scheduler.update()
    assert calls == [10.5, 21.0]


def test_callbacks_can_be_removed():
    calls = []

    def callback():
        calls.append(1)

    scheduler = StepIntervalScheduler(1, [callback])
    scheduler.remove_callback(callback)
    scheduler.update()
    assert calls == []
    with pytest.raises(ValueError):
        scheduler.remove_callback(callback)


def test_bad_intervals_are_refused():
    with pytest.raises(ValueError, match="interval: expected 1 step or more, found 0"):
        StepIntervalScheduler(0)
    with pytest.raises(ValueError, match="interval: expected 0 s or more, found -1"):
        TimeIntervalScheduler(-1)
