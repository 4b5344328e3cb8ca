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

"""A whole run of `pamiq-ros`, with stand-ins for the nodes and real processes and topics."""

import contextlib
import json
import os
import pty
import signal
import subprocess
import termios
from pathlib import Path

import pytest
from waiting import until

from pamiq_ros.bringup.ros_environment import LOCAL_VARIABLES, range_text, shared_variables


def test_duration_ends_in_order_with_a_report(cli, tmp_path):
    report = tmp_path / "report.json"
    run = cli("demo", "--duration", 1, "--report", report)
    assert run.end() == 0, run.err
    found = json.loads(report.read_text())
    assert found["system"] == "stand_in"
    assert found["inference"]["ticks"] >= 10
    assert "shutdown was called" in run.log("control")
    assert "shutdown" in run.out.splitlines()[-2]
    assert run.left() == []
    assert list(tmp_path.glob(".*.tmp")) == []


def test_ctrl_c_stops_everything(cli):
    run = cli("up", "vae", stand_in={"inference": "warns"}).until_active()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.err
    assert run.left() == []
    assert "[WARN] pamiq_inference: low on wheels" in run.err


def test_ctrl_c_of_the_terminal_reaches_no_node(cli):
    run = cli("up", "vae").until_active()
    sessions = {os.getsid(pid) for pid in [run.process.pid, *run.left()]}
    assert len(run.left()) == 3
    assert len(sessions) == 4
    run.process.send_signal(signal.SIGTERM)
    assert run.end() == 0, run.err


def test_a_node_that_does_not_stop_is_killed_and_told(cli):
    run = cli("up", "vae", stand_in={"training": "deaf"}).until_active()
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 1
    assert "pamiq_training had to be killed" in run.err
    assert run.left() == []


def test_a_second_ctrl_c_kills_at_once(cli):
    run = cli("up", "vae", stand_in={"control": "deaf", "training": "deaf"}).until_active()
    run.process.send_signal(signal.SIGINT)
    until(lambda: "shutdown was called" in run.log("control"), "the call of pamiq/shutdown")
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 1
    assert "killed" in run.err
    assert run.left() == []


def test_a_node_that_dies_is_started_again_and_counted(cli, tmp_path):
    report = tmp_path / "report.json"
    run = cli("up", "vae", "--report", report).until_active()
    until(lambda: "training is up" in run.log("training"), "the training node")
    victim = next(
        pid for pid in run.left() if b"training" in Path(f"/proc/{pid}/cmdline").read_bytes()
    )
    os.kill(victim, signal.SIGKILL)
    until(lambda: run.log("training").count("training is up") == 2, "the restart")
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.err
    assert json.loads(report.read_text())["restarts"] == {
        "inference": 0, "training": 1, "control": 0,
    }  # fmt: skip
    assert "pamiq_training died of signal 9" in run.err


def test_a_refused_configuration_is_exit_status_2(cli):
    run = cli("demo", stand_in={"control": "refuses"})
    assert run.end() == 2
    assert "system: expected a car, found a boat" in run.err
    assert run.left() == []


def test_a_node_that_exits_with_2_ends_the_run_with_its_words(cli):
    run = cli("demo", stand_in={"world": "refuses"})
    assert run.end() == 2
    assert "wheels: expected 4, found 3" in run.err
    assert run.left() == []


def test_errors_in_the_report_are_exit_status_1(cli):
    run = cli("demo", "--duration", "0.5", stand_in={"control": "errors"})
    assert run.end() == 1
    assert "encoding 'smoke' can't be converted" in run.err
    assert str(run.log_dir) in run.err


def test_nodes_die_with_a_killed_parent(cli):
    run = cli("up", "vae", stand_in={"control": "silent"})
    until(lambda: all("up" in run.log(r) for r in ("inference", "training", "control")), "nodes")
    run.process.kill()
    until(lambda: run.left() == [], "the end of the nodes")


def test_a_second_run_in_the_same_namespace_is_refused(cli):
    first = cli("up", "vae").until_active()
    second = cli("up", "vae")
    assert second.end() == 2
    assert "another --namespace or ROS_DOMAIN_ID" in second.err
    other = cli("up", "vae", "--namespace", "robot2").until_active()
    for run in (first, other):
        run.process.send_signal(signal.SIGINT)
        assert run.end() == 0, run.err


def test_a_hang_up_stops_the_nodes_in_order(cli):
    run = cli("up", "vae").until_active()
    run.process.send_signal(signal.SIGHUP)
    assert run.end() == 0, run.err
    assert run.left() == []


def test_a_closed_output_stops_the_nodes(cli):
    run = cli("up", "vae", stdout=subprocess.PIPE)
    assert b"starting" in run.process.stdout.readline()
    run.process.stdout.close()
    assert run.end() == 1
    assert "the output was closed" in run.err
    assert run.left() == []


def test_output_that_nobody_reads_holds_nothing_up(cli):
    ours, theirs = os.pipe()
    os.set_blocking(theirs, False)
    with contextlib.suppress(BlockingIOError):
        while os.write(theirs, b"." * 4096):
            pass  # until it is full
    os.set_blocking(theirs, True)
    run = cli("up", "vae", "--duration", "1", stdout=theirs)
    assert run.end() == 0, run.err
    assert run.left() == []
    os.close(ours)
    os.close(theirs)


def test_a_node_that_cannot_live_is_given_up(cli):
    run = cli("up", "vae", stand_in={"training": "dies"})
    assert run.end() == 1
    assert "pamiq_training died 5 times within 60 s, given up: RuntimeError: no wheels" in run.err
    assert run.left() == []


def test_a_terminal_gets_the_live_picture_and_its_settings_back(cli):
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)
    run = cli("up", "vae", "--duration", "1", stdout=theirs, TERM="xterm", COLUMNS="80")
    os.set_blocking(ours, False)
    shown = bytearray()

    def read():
        with contextlib.suppress(BlockingIOError):
            shown.extend(os.read(ours, 1 << 16))
        return run.process.poll() is not None

    until(read, "the end")
    read()
    assert run.end() == 0, run.err
    assert "up · vae" in shown.decode()
    assert "Ctrl-C stops the robot" in shown.decode()
    assert termios.tcgetattr(theirs) == before
    os.close(ours)
    os.close(theirs)


def range_of(pid):
    """The discovery range in a process's environment."""
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    ranges = [v for v in environment if v.startswith(b"ROS_AUTOMATIC_DISCOVERY_RANGE=")]
    return ranges[-1].decode().partition("=")[2] if ranges else ""


@pytest.mark.parametrize("command", [("up", "vae"), ("demo",)])
@pytest.mark.parametrize(("chosen", "expected"), [("", "LOCALHOST"), ("SUBNET", "SUBNET")])
def test_nodes_stay_on_this_machine_unless_the_user_asks_for_more(cli, command, chosen, expected):
    run = cli(*command, ROS_AUTOMATIC_DISCOVERY_RANGE=chosen).until_active()
    assert {range_of(pid) for pid in run.left()} == {expected}
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0, run.err
    assert ("set ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET" in run.out) is (not chosen)


@pytest.mark.parametrize(
    ("environment", "range_", "words"),
    [
        ({"ROS_DISTRO": "humble"}, {"ROS_LOCALHOST_ONLY": "1"}, "set ROS_LOCALHOST_ONLY=0"),
        ({"ROS_DISTRO": "humble", "ROS_LOCALHOST_ONLY": "0"}, {}, ""),
        ({"ROS_DISTRO": "jazzy"}, {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}, "=SUBNET"),
    ],
)
def test_the_range_is_set_and_named_as_the_distribution_knows_it(environment, range_, words):
    added = shared_variables(environment, None)
    assert {name: added[name] for name in LOCAL_VARIABLES if name in added} == range_
    assert range_text(environment, added).endswith(words)
