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

"""Scheduling of threads: CPU lists, and what Linux says about a thread afterwards."""

import ctypes
import os
import subprocess
import sys
import textwrap
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pamiq_ros.runtime.scheduling import Scheduling, parse_cpus, precise_timers

CPUS = sorted(os.sched_getaffinity(0))


def in_thread(function):
    """What a function returns in a thread of its own: scheduling stays with the thread."""
    found = []
    thread = threading.Thread(target=lambda: found.append(function()))
    thread.start()
    thread.join()
    return found[0]


def in_process(code):
    """What a process of its own prints."""
    code = "import os\nfrom pamiq_ros.runtime.scheduling import Scheduling\n" + textwrap.dedent(
        code
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return ran.stdout


@pytest.mark.parametrize("text", ["", "   "])
def test_no_cpus_are_no_choice(text):
    assert parse_cpus(text) == frozenset()


def test_cpus_and_ranges_of_them():
    assert parse_cpus(f"{CPUS[0]}") == {CPUS[0]}
    assert parse_cpus(f" {CPUS[0]} , {CPUS[-1]}-{CPUS[-1]}") == {CPUS[0], CPUS[-1]}


@pytest.mark.parametrize("text", ["a", "1-", "-1", "3-1", "0,,1", "0;1", "0x1", "1.0", "1e3", "٣"])
def test_what_is_no_list_of_cpus_is_refused_with_what_was_found(text):
    with pytest.raises(ValueError, match="expected") as caught:
        parse_cpus(text)
    assert repr(text) in str(caught.value)


def test_a_cpu_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ValueError, match="expected CPUs that this process may use") as caught:
        parse_cpus("99999")
    assert str(CPUS) in str(caught.value)


@given(st.text(max_size=20))
def test_any_text_is_a_list_of_usable_cpus_or_refused(text):
    try:
        found = parse_cpus(text)
    except ValueError:
        return
    assert found <= set(CPUS)


def test_a_thread_is_scheduled_and_the_others_are_not():
    def scheduled():
        refused = Scheduling(frozenset(CPUS[:1]), niceness=17, policy="idle").apply()
        niceness = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return refused, os.sched_getaffinity(0), niceness, os.sched_getscheduler(0)

    before = os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, os.getpid())
    assert in_thread(scheduled) == ([], set(CPUS[:1]), 17, os.SCHED_IDLE)
    assert (os.sched_getaffinity(0), os.getpriority(os.PRIO_PROCESS, os.getpid())) == before


def test_a_thread_never_becomes_less_nice():
    def twice():
        Scheduling(niceness=18).apply()
        Scheduling(niceness=3).apply()
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert in_thread(twice) == 18


def test_cpus_that_are_gone_are_told_and_the_rest_is_done():
    def scheduled():
        refused = Scheduling(cpus=frozenset({99999}), niceness=17).apply()
        return refused, os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    [refused], niceness = in_thread(scheduled)
    assert "99999" in refused
    assert niceness == 17


def test_a_priority_that_is_not_permitted_is_told_with_what_to_do():
    told = in_process(
        """
        import resource
        resource.setrlimit(resource.RLIMIT_RTPRIO, (0, 0))
        if os.geteuid() == 0:
            os.setuid(65534)
        refused = Scheduling(priority=20).apply()
        print(os.sched_getscheduler(0) == os.SCHED_OTHER, *refused)
        """
    )
    assert told.startswith("True real-time priority 20 is not permitted")
    assert "limits.conf" in told


def test_no_real_time_priority_on_the_only_cpu():
    told = in_process(
        f"""
        os.sched_setaffinity(0, {{{CPUS[0]}}})
        refused = Scheduling(priority=20).apply()
        print(os.sched_getscheduler(0) == os.SCHED_OTHER, *refused)
        """
    )
    assert told.startswith("True a real-time priority on the only CPU")


@pytest.mark.skipif(sys.platform != "linux", reason="timer slack is Linux's own")
def test_precise_timers_have_no_slack():
    set_slack, get_slack = 29, 30  # PR_SET_TIMERSLACK, PR_GET_TIMERSLACK, prctl(2)
    prctl = ctypes.CDLL(None).prctl

    def slacks():
        # A thread inherits these from the one that starts it; with a real-time policy it has none.
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        prctl(set_slack, ctypes.c_ulong(50_000), 0, 0, 0)
        before = prctl(get_slack, 0, 0, 0, 0)
        precise_timers()
        return before, prctl(get_slack, 0, 0, 0, 0)

    assert in_thread(slacks) == (50_000, 1)
