"""Ticks and turns of trainers that are asked for one by one."""

import threading
import time

from pamiq_ros.runtime.pace import StepPace
from pamiq_ros.runtime.step_requests import Request, StepRequests
from pamiq_ros.runtime.step_ticker import StepTicker


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_one_tick_for_each_request_in_order():
    happened = []
    ticker = StepTicker(10.0, lambda: happened.append("tick"))
    ticker.start()
    for number in range(5):
        ticker.requests.put(Request(lambda: True, lambda n=number: happened.append(n)))
    wait_until(lambda: len(happened) == 10)
    assert happened == ["tick", 0, "tick", 1, "tick", 2, "tick", 3, "tick", 4]
    assert ticker.stop()
    assert (ticker.ticks, ticker.skipped) == (5, 0)


def test_a_tick_waits_until_its_request_is_ready_also_beyond_a_pause():
    ready, done = threading.Event(), threading.Event()
    ticker = StepTicker(10.0, lambda: None)
    ticker.requests.put(Request(ready.is_set, done.set))
    ticker.start()
    assert ticker.stop()
    assert ticker.ticks == 0
    ready.set()
    ticker.start()
    assert done.wait(20.0)
    assert ticker.stop()


def test_taking_ends_when_it_is_to():
    assert StepRequests().take(lambda: True) is None


def test_weights_are_published_before_a_turn_is_answered():
    happened = []
    pace = StepPace(lambda: happened.append("flushed"))
    pace.requests.put(Request(lambda: True, lambda: happened.append("answered")))
    assert pace.wait(lambda: False)
    pace.published()
    pace.ended(1)
    assert happened == ["flushed", "answered"]
    assert not pace.wait(lambda: True)
