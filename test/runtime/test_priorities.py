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

"""Priorities of a whole process's threads, as Linux tells them; each in a process of its own."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

AUTOGROUP = Path("/proc/self/autogroup")


def in_process(code, **options):
    """What a process of its own prints, from JSON."""
    head = """
        import json, os, threading
        from pathlib import Path
        from pamiq_ros.runtime.scheduling import prefer_this_thread, yield_process
        from pamiq_ros.runtime.scheduling import Scheduling

        ended = threading.Event()
        started = threading.Thread(target=ended.wait)
        started.start()
        def policy(thread):
            found = os.sched_getscheduler(thread.native_id) & ~os.SCHED_RESET_ON_FORK
            return found, os.sched_getparam(thread.native_id).sched_priority
        """
    code = f"{textwrap.dedent(head)}{textwrap.dedent(code)}\nended.set()"
    command = [sys.executable, "-c", code]
    ran = subprocess.run(command, capture_output=True, text=True, check=True, **options)
    return json.loads(ran.stdout)


def may_be_real_time():
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(20))"
    enough = len(os.sched_getaffinity(0)) > 1
    return enough and subprocess.run([sys.executable, "-c", code], stderr=-3).returncode == 0


needs_permission = pytest.mark.skipif(
    not may_be_real_time(), reason="needs two CPUs and the right to real-time priorities"
)


def test_a_process_yields_with_all_its_threads_and_those_they_start():
    found = in_process(
        """
        yield_process(17)
        later = threading.Thread(target=ended.wait)
        later.start()
        every = [os.getpriority(os.PRIO_PROCESS, int(p.name))
                 for p in Path("/proc/self/task").iterdir()]
        yield_process(3)
        print(json.dumps([every, os.getpriority(os.PRIO_PROCESS, later.native_id)]))
        """
    )
    assert found == [[17, 17, 17], 17]


@pytest.mark.skipif(not AUTOGROUP.exists(), reason="a kernel without autogroups")
@pytest.mark.parametrize("leads", [True, False])
def test_a_process_that_leads_a_session_has_the_session_yield(leads):
    code = """
        before = Path("/proc/self/autogroup").read_text().split()
        yield_process(6)
        after = Path("/proc/self/autogroup").read_text().split()
        print(json.dumps([before, after]))
        """
    before, after = in_process(code, start_new_session=leads)
    # The first session since the machine's start has no group, and so no line here.
    assert after[-1:] == (["6"] if leads else before[-1:])


@needs_permission
def test_a_real_time_thread_has_the_other_python_threads_just_below():
    found = in_process(
        """
        found = {}
        def tick():
            found["refused"] = prefer_this_thread(Scheduling(priority=20))
            found["own"] = policy(threading.current_thread())
            def tell():
                found["later"] = policy(threading.current_thread())
            later = threading.Thread(target=tell)
            later.start()
            later.join()
        ticking = threading.Thread(target=tick)
        ticking.start()
        ticking.join()
        found["before"] = policy(started)
        found["main"] = policy(threading.main_thread())
        print(json.dumps(found))
        """
    )
    fifo, other = int(os.SCHED_FIFO), int(os.SCHED_OTHER)
    assert found == {
        "refused": [],
        "own": [fifo, 20],
        "later": [other, 0],
        "before": [fifo, 19],
        "main": [fifo, 19],
    }


@needs_permission
def test_a_thread_with_a_real_time_policy_of_its_own_keeps_it():
    found = in_process(
        """
        os.sched_setscheduler(started.native_id, os.SCHED_RR, os.sched_param(33))
        prefer_this_thread(Scheduling(priority=20))
        print(json.dumps(policy(started)))
        """
    )
    assert found == [int(os.SCHED_RR), 33]


def test_without_a_real_time_priority_no_thread_is_touched():
    found = in_process(
        """
        refused = prefer_this_thread(Scheduling())
        print(json.dumps([refused, policy(started), policy(threading.main_thread())]))
        """
    )
    assert found == [[], [int(os.SCHED_OTHER), 0], [int(os.SCHED_OTHER), 0]]
