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

"""The supervisor, with real processes."""

import os
import signal
import sys
import time
from pathlib import Path

import pytest
from waiting import until

from pamiq_ros.bringup import NodeDescription, stopping
from pamiq_ros.bringup.stopping import Interrupts, Stop
from pamiq_ros.bringup.supervisor import NodeProcess, Supervisor

SLEEPS = "print('up', flush=True); import time; time.sleep(60)"
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
SLOW = (
    "import signal, time\n"
    "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(6), print('saved'), exit(0)))\n" + SLEEPS
)
DIES = "raise SystemExit(3)"
REFUSES = "raise SystemExit(2)"
ENDS = "pass"
HAS_A_CHILD = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\n"
    "print('child', child.pid, flush=True)\n"
)


class Silent:
    """A control node that can't be asked."""

    is_shutdown = has_stopped_robot = False

    def call_shutdown(self):
        return False


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def supervise(tmp_path):
    supervisors = []

    def start(now=time.monotonic, **scripts):
        processes = [
            NodeProcess(
                NodeDescription(f"{name}_node", name, ends_graph=name == "control"),
                [sys.executable, "-c", script],
                dict(os.environ),
                tmp_path / f"{name}.log",
            )
            for name, script in scripts.items()
        ]
        supervisors.append(Supervisor(processes, now))
        supervisors[-1].start()
        return supervisors[-1]

    yield start
    for supervisor in supervisors:
        supervisor.kill()
        until_ended(supervisor)


def poll_until(supervisor, condition):
    events = []

    def met():
        events.extend(supervisor.poll())
        return condition(events)

    until(met, f"found {events}")
    return events


def until_ended(supervisor):
    poll_until(supervisor, lambda events: not supervisor.running)


def stop(supervisor, interrupts=None):
    Stop(supervisor, Silent(), interrupts or Interrupts(), lambda events: None).run(orderly=True)


def log(tmp_path, name):
    path = tmp_path / f"{name}.log"
    return path.read_text() if path.is_file() else ""


def test_a_process_that_dies_is_started_again_after_a_second(supervise):
    clock = Clock()
    supervisor = supervise(clock, training=DIES, inference=SLEEPS)
    (event,) = poll_until(supervisor, lambda events: events)
    assert (event.node, event.ends) == ("training", False)
    assert "training died of exit status 3" in event.text
    clock.now_s += 0.9
    supervisor.poll()
    assert supervisor.running == ["inference"]
    clock.now_s += 0.2
    supervisor.poll()
    assert supervisor.running == ["training", "inference"]
    assert supervisor.restarts == {"training": 1, "inference": 0}


def test_a_process_killed_by_a_signal_is_told_with_its_number(supervise):
    supervisor = supervise(training=SLEEPS)
    os.kill(supervisor.processes["training"].pid, signal.SIGSEGV)
    (event,) = poll_until(supervisor, lambda events: events)
    assert "training died of signal 11" in event.text


def test_five_deaths_within_a_minute_end_everything(supervise):
    clock = Clock()
    supervisor = supervise(clock, training=DIES)
    events = []
    for _ in range(5):
        events += poll_until(supervisor, lambda found: found)
        clock.now_s += 9.0
        supervisor.poll()
    assert [event.ends for event in events] == [False] * 4 + [True]
    assert events[-1].status == 1
    assert "training died 5 times within 60 s" in events[-1].text


def test_deaths_that_lie_far_apart_do_not(supervise):
    clock = Clock()
    supervisor = supervise(clock, training=DIES)
    for _ in range(7):
        (event,) = poll_until(supervisor, lambda found: found)
        assert not event.ends
        clock.now_s += 31.0
        supervisor.poll()
    assert supervisor.restarts == {"training": 7}


def test_exit_status_2_ends_everything_with_2(supervise):
    supervisor = supervise(training=REFUSES)
    (event,) = poll_until(supervisor, lambda events: events)
    assert (event.ends, event.status) == (True, 2)


def test_the_control_node_ends_the_graph_and_others_do_not(supervise):
    supervisor = supervise(training=ENDS, control=ENDS)
    events = {e.node: e for e in poll_until(supervisor, lambda events: len(events) == 2)}
    assert not events["training"].ends
    assert (events["control"].ends, events["control"].status) == (True, 0)


def test_stopping_ends_all_and_kills_who_does_not_listen(supervise, tmp_path, monkeypatch):
    monkeypatch.setattr(stopping, "ENDS_WITHIN_S", 1.0)
    supervisor = supervise(training=DEAF, inference=SLEEPS)
    until(lambda: "up" in log(tmp_path, "training"), "the process")
    pids = [process.pid for process in supervisor.processes.values()]
    stop(supervisor)
    assert supervisor.killed == ["training"]
    assert supervisor.running == []
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_who_takes_long_to_end_is_waited_for(supervise, tmp_path):
    supervisor = supervise(training=SLOW)
    until(lambda: "up" in log(tmp_path, "training"), "the process")
    stop(supervisor)
    assert "saved" in log(tmp_path, "training")
    assert supervisor.killed == []


def test_a_further_interrupt_kills_at_once(supervise, tmp_path):
    supervisor = supervise(training=DEAF)
    until(lambda: "up" in log(tmp_path, "training"), "the process")
    interrupts = Interrupts()
    polls = []

    def on_poll(events):
        polls.append(events)
        interrupts.count += 1

    Stop(supervisor, Silent(), interrupts, on_poll).run(orderly=False)
    assert supervisor.killed == ["training"]


def test_nothing_is_started_again_while_stopping(supervise):
    clock = Clock()
    supervisor = supervise(clock, training=DIES, inference=SLEEPS)
    poll_until(supervisor, lambda events: events)
    supervisor.terminate()
    clock.now_s += 5.0
    poll_until(supervisor, lambda events: not supervisor.running)
    assert supervisor.restarts == {"training": 0, "inference": 0}


@pytest.mark.parametrize("after", ["raise SystemExit(1)", "time.sleep(60)"])
def test_what_a_process_had_started_ends_with_it(supervise, tmp_path, after):
    supervisor = supervise(training=HAS_A_CHILD + after)
    until(lambda: "child" in log(tmp_path, "training"), "the grandchild")
    grandchild = int(log(tmp_path, "training").split()[1])
    supervisor.terminate()
    until_ended(supervisor)
    until(lambda: not alive(grandchild), "the end of the grandchild")


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_a_restart_goes_on_with_the_log(supervise, tmp_path):
    clock = Clock()
    supervisor = supervise(clock, training="print('once', flush=True); raise SystemExit(3)")
    poll_until(supervisor, lambda events: events)
    clock.now_s += 2.0
    poll_until(supervisor, lambda events: events)
    assert log(tmp_path, "training").count("once") == 2
