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

"""Runs of a loop and work between them never overlap, and the work comes first."""

import threading

import pytest

from pamiq_ros.runtime.safe_points import BetweenRuns


def test_runs_and_work_between_them_never_overlap():
    between, end = BetweenRuns(), threading.Event()
    inside, seen, runs = [], set(), 0

    def loop():
        nonlocal runs
        while not end.is_set():
            with between.run():
                inside.append("run")
                seen.add(tuple(inside))
                runs += 1
                inside.remove("run")

    def work():
        for _ in range(200):
            with between.work(10.0):
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
    between, end, began = BetweenRuns(), threading.Event(), threading.Event()

    def run():
        with between.run():
            began.set()
            end.wait()

    thread = threading.Thread(target=run)
    thread.start()
    began.wait()
    with pytest.raises(TimeoutError, match=r"within 0\.01 s"), between.work(0.01):
        pass
    end.set()
    thread.join()
    with between.work(10.0):
        pass
    with between.run():
        pass


def test_no_run_begins_while_work_goes_on():
    between, ran = BetweenRuns(), threading.Event()

    def run():
        with between.run():
            ran.set()

    with between.work(1.0):
        thread = threading.Thread(target=run)
        thread.start()
        assert not ran.wait(0.05)
    thread.join()
    assert ran.is_set()
