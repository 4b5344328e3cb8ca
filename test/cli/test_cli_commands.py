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

"""Commands for a running system as one-shots: what they do, print and end with."""

import json
import re
import subprocess
import sys
import threading

import pytest
from click.testing import CliRunner
from statuses import ACTIVE, FAILED, STARTING, STOPPED

from pamiq_ros.cli.main import main

QUICK = ("--timeout", "0.5")


@pytest.fixture
def here(ros, monkeypatch):
    """A ROS domain that `pamiq-ros` in this process uses too."""
    for name, value in ros.environment.items():
        if name.startswith(("ROS_", "FASTDDS_")):
            monkeypatch.setenv(name, value)
    return ros


@pytest.fixture
def system(here):
    from running_system import RunningSystem

    running = RunningSystem(here)
    running.publish()
    yield running
    running.close()


def pamiq_ros(*arguments):
    return CliRunner().invoke(main, arguments)


def until_it_says(text, *arguments):
    """Give a command until it says a text: a busy machine may need longer than its time-out."""
    from ros_helpers import wait_until

    results = []

    def says():
        results.append(pamiq_ros(*arguments))
        return text in results[-1].output

    wait_until(says, text)
    return results[-1]


@pytest.mark.parametrize(
    ("command", "service", "says"),
    [
        ("pause", "pause", "paused"),
        ("resume", "resume", "active"),
        ("save", "save_state", "2026-11-21_09-35-25.595515"),
    ],
)
def test_a_command_is_carried_out_and_its_answer_printed(system, command, service, says):
    result = pamiq_ros(command)
    assert (result.exit_code, result.output) == (0, f"{says}\n")
    assert system.called == [service]


def test_what_the_system_refuses_ends_with_1_and_says_why(system):
    system.answers["pause"] = (False, "pamiq_inference is active after 20 s")
    result = pamiq_ros("pause")
    assert result.exit_code == 1
    assert "pamiq_inference is active after 20 s" in result.output


def test_shutdown_without_a_terminal_wants_yes(system):
    result = pamiq_ros("shutdown")
    assert result.exit_code == 2
    assert "expected --yes" in result.output
    assert system.called == []
    assert pamiq_ros("shutdown", "--yes").exit_code == 0
    assert system.called == ["shutdown"]


def test_no_system_ends_with_3_and_says_where_it_looked_and_how_to_start_one(here):
    result = pamiq_ros("status", "--namespace", "robot1", *QUICK)
    assert result.exit_code == 3
    assert "no system answers in the namespace '/robot1'" in result.output
    assert f"ROS_DOMAIN_ID {here.environment['ROS_DOMAIN_ID']}" in result.output
    assert "within 0.5 s" in result.output
    assert "pamiq-ros up SYSTEM --namespace robot1" in result.output
    assert "namespace:=robot1" in result.output


@pytest.mark.parametrize("command", ["pause", "params"])
def test_a_system_in_another_namespace_is_named(system, command):
    result = until_it_says("there is one in '/'", command, "--namespace", "robot1", *QUICK)
    assert result.exit_code == 3


def test_a_namespace_is_reached(here):
    from running_system import RunningSystem

    robot = RunningSystem(here, "robot1")
    assert pamiq_ros("pause", "--namespace", "robot1").exit_code == 0
    assert robot.called == ["pause"]


def test_no_answer_in_time_ends_with_3(system):
    system.answers["save_state"] = None
    says = "/pamiq/save_state has not answered within 1 s"
    assert until_it_says(says, "save", "--timeout", "1").exit_code == 3


def test_a_system_that_falls_silent_is_waited_for_no_longer(system, monkeypatch):
    monkeypatch.setattr("pamiq_ros.cli.system_client.SILENCE_S", 0.5)
    system.answers["pause"] = None
    result = pamiq_ros("pause")
    assert result.exit_code == 3
    assert "fell silent" in result.output


def test_a_slow_answer_is_waited_for_while_the_system_gives_signs_of_life(system, monkeypatch):
    monkeypatch.setattr("pamiq_ros.cli.system_client.SILENCE_S", 1.5)
    system.answers["save_state"] = None

    def go_on():
        for _ in range(35):  # more than twice the silence that would end it
            system.publish()
            over.wait(0.1)
        system.wake.set()

    over = threading.Event()
    speaking = threading.Thread(target=go_on)
    speaking.start()
    result = pamiq_ros("save")
    over.set()
    speaking.join()
    assert result.exit_code == 1  # woken, it says no without a reason
    assert "without a reason" in result.output


def test_a_control_node_that_was_started_again_owes_no_answer(system):
    system.answers["pause"] = None
    threading.Timer(1.0, lambda: system.publish({**ACTIVE, "control": "b2"})).start()
    result = pamiq_ros("pause")
    assert result.exit_code == 3
    assert "was started again" in result.output


def test_status_shows_the_figures(system):
    result = pamiq_ros("status")
    assert result.exit_code == 0
    lines = dict(line.split(maxsplit=1) for line in result.output.splitlines())
    assert lines["state"] == "active for 0:42"
    assert lines["system"] == "vae"
    assert lines["robot"] == "driving"
    assert lines["pamiq_training"] == "active, restarts: 1"
    assert lines["lateness"] == "p50 0.084  p99 0.311  max 2.75 ms"
    assert lines["updates"] == "2,240"
    assert lines["errors"] == "0"


def test_status_tells_why_the_robot_is_stopped_and_what_went_wrong(system):
    system.publish(STOPPED)
    assert "stopped: waiting for weights" in pamiq_ros("status").output
    system.publish({**FAILED, "configuration_error": "rate: expected a rate"})
    output = pamiq_ros("status").output
    assert "encoding '[smoke]' can't be converted" in output
    assert "configuration: rate: expected a rate" in output
    assert output.splitlines()[-1] == "to do: pamiq/resume has pamiq_inference try again"


def test_status_as_json_is_the_status_as_it_is(system):
    result = pamiq_ros("status", "--json")
    assert result.exit_code == 0
    assert json.loads(result.output) == ACTIVE


def test_metrics_show_where_they_came_from_and_where_they_are(system):
    result = pamiq_ros("metrics")
    assert result.exit_code == 0
    assert result.output.splitlines()[0].split() == [
        "reconstruction", "0.129", "0.412", "→", "0.131", "-68", "%",
    ]  # fmt: skip
    as_json = json.loads(pamiq_ros("metrics", "--json").output)
    assert as_json == ACTIVE["report"]["training"]["metrics"]


def test_a_system_that_measured_nothing_yet_has_no_metrics(system):
    system.publish(STARTING)
    assert pamiq_ros("metrics").output == "no metrics yet\n"
    assert pamiq_ros("metrics", "--json").output == "{}\n"
    assert "starting" in pamiq_ros("status").output


def test_a_status_that_is_none_is_told(system):
    system.publish_text("[1]")
    says = "/pamiq/status: expected a JSON object"
    assert until_it_says(says, "status", *QUICK).exit_code == 3


def test_what_a_node_says_does_not_steer_the_terminal(system):
    system.answers["pause"] = (True, "\x1b[2Jpaused\x07\r")
    assert pamiq_ros("pause").output == "�[2Jpaused��\n"


def test_params_list_value_type_range_and_description(system):
    result = pamiq_ros("params")
    assert result.exit_code == 0
    lines = result.output.splitlines()
    assert lines[0] == "pamiq_control"
    assert '  overrides = ["a=1"]   (string array)' in lines
    at = lines.index("  rate = 10.0   (double, 0 to 1000)")
    assert lines[at + 1] == "      Ticks in Hz"
    assert '  system = "vae"   (string)' in lines
    assert pamiq_ros("params", "pamiq_control").output == result.output
    assert "start_type_description_service" not in result.output  # of ROS, nobody's business here
    one = pamiq_ros("params", "control", "rate").output.splitlines()
    assert one == [lines[0], *lines[at : at + 2]]


def test_params_set_a_value(system):
    result = pamiq_ros("params", "control", "rate", "20")
    assert (result.exit_code, result.output) == (0, "rate = 20.0\n")
    assert system.value("rate") == 20.0


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("DOUBLE", "20", 20.0),
        ("DOUBLE", "1e-3", 0.001),
        ("INTEGER", "-7", -7),
        ("BOOL", "true", True),
        ("STRING", "1.0", "1.0"),
        ("STRING_ARRAY", "[a=2, b=3]", ["a=2", "b=3"]),
        ("STRING_ARRAY", "[]", []),
        ("DOUBLE_ARRAY", "[1, 2.5]", [1.0, 2.5]),
        ("DOUBLE", "fast", None),
        ("DOUBLE", "", None),
        ("INTEGER", "1.5", None),
        ("INTEGER", "1" * 30, None),
        ("BOOL", "1", None),
        ("STRING_ARRAY", "[1]", None),
        ("STRING_ARRAY", "{", None),
        ("INTEGER_ARRAY", "7", None),
    ],
)
def test_what_is_typed_becomes_a_value_of_the_parameters_type(kind, text, value):
    pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
    from rcl_interfaces.msg import ParameterDescriptor, ParameterType
    from rclpy.parameter import parameter_value_to_python

    from pamiq_ros.cli.node_parameters import parse_value

    descriptor = ParameterDescriptor(type=getattr(ParameterType, f"PARAMETER_{kind}"))
    if value is None:
        expected = f"expected {kind.lower().replace('_', ' ')}, found {text!r}"
        with pytest.raises(ValueError, match=re.escape(expected)):
            parse_value(text, descriptor)
    else:
        assert parameter_value_to_python(parse_value(text, descriptor)) == value


def test_params_tell_why_a_change_is_refused(system):
    system.configured = True
    result = pamiq_ros("params", "control", "rate", "20")
    assert result.exit_code == 1
    assert "read at configure, and the node is active" in result.output
    assert system.value("rate") == 10.0


def test_params_tell_a_value_out_of_range(system):
    result = pamiq_ros("params", "control", "rate", "-1")
    assert result.exit_code == 1
    assert "rate" in result.output
    assert system.value("rate") == 10.0


def test_params_refuse_a_value_of_another_type(system):
    result = pamiq_ros("params", "control", "rate", "fast")
    assert result.exit_code == 2
    assert "expected double, 0 to 1000, found 'fast'" in result.output


def test_params_name_the_nodes_and_where_parameters_are_listed(system):
    result = pamiq_ros("params", "boat")
    assert result.exit_code == 1
    assert "expected one of the nodes pamiq_control, found 'boat'" in result.output
    result = pamiq_ros("params", "control", "speed")
    assert result.exit_code == 1
    assert "pamiq_control has no parameter 'speed'" in result.output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["pause", "--timeout", "0"], "expected a positive number of seconds, found '0'"),
        (["pause", "--namespace", "robot 1"], "found 'robot 1'"),
        (["pause", "now"], "unexpected extra argument"),
        (["params", "a", "b", "c", "d"], "unexpected extra argument"),
        (["console"], "expected a terminal"),
    ],
)
def test_a_wrong_command_line_ends_with_2(arguments, text):
    result = pamiq_ros(*arguments)
    assert result.exit_code == 2
    assert text in result.output


def test_help_is_quick_and_tells_what_there_is():
    code = (
        "import sys; from pamiq_ros.cli.main import main\n"
        "try: main(['--help'])\n"
        "finally: print({'rclpy', 'torch', 'rich', 'prompt_toolkit'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert found.stdout.endswith("set()\n"), found.stderr
    for command in ("pause", "resume", "save", "shutdown", "status", "metrics", "params"):
        assert f"\n  {command} " in found.stdout
