"""Runs of a loop and work between them never overlap, and the work comes first."""

import threading

import pytest

from pamiq_ros.runtime.safe_points import Turns


def test_runs_and_work_between_them_never_overlap():
    turns, end = Turns(), threading.Event()
    inside, seen, runs = [], set(), 0

    def loop():
        nonlocal runs
        while not end.is_set():
            with turns.run():
                inside.append("run")
                seen.add(tuple(inside))
                runs += 1
                inside.remove("run")

    def work():
        for _ in range(200):
            with turns.between(10.0):
                inside.append("work")
                seen.add(tuple(inside))
                inside.remove("work")

    threads = [threading.Thread(target=f) for f in (loop, work, work)]
    for thread in threads:
        thread.start()
    for thread in threads[1:]:
        thread.join()
    end.set()
    threads[0].join()
    assert seen <= {("run",), ("work",)} and ("work",) in seen


def test_work_waits_for_the_run_in_progress_and_says_so_when_it_does_not_end():
    turns, end, began = Turns(), threading.Event(), threading.Event()

    def run():
        with turns.run():
            began.set()
            end.wait()

    thread = threading.Thread(target=run)
    thread.start()
    began.wait()
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"), turns.between(0.01):
        pass
    end.set()
    thread.join()
    with turns.between(10.0):
        pass
    with turns.run():
        pass


def test_no_run_begins_while_work_goes_on():
    turns, ran = Turns(), threading.Event()

    def run():
        with turns.run():
            ran.set()

    with turns.between(1.0):
        thread = threading.Thread(target=run)
        thread.start()
        assert not ran.wait(0.05)
    thread.join()
    assert ran.is_set()
