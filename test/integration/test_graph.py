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

"""The three nodes as processes: they act, learn, pause, refuse what cannot be, save and end."""

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from geometry_msgs.msg import Twist

from .harness import LENIENT_TIMEOUTS, TINY, Probe, graph, wait_until

pytestmark = pytest.mark.integration


def updates(probe: Probe) -> int:
    return probe.status["report"]["training"].get("updates", 0)


def test_the_graph_acts_learns_pauses_resumes_and_ends():
    with graph() as running:
        probe = running.probe
        running.start_all(TINY, *LENIENT_TIMEOUTS)
        running.wait_state("active")
        wait_until(probe.moving, "a command that moves the robot")
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 5, "weights version 5")

        answer = probe.call("pamiq/pause")
        assert answer.success and answer.message == "paused"
        wait_until(probe.standing, "zero after the pause")
        paused_at, paused_for = len(probe.commands), probe.status["uptime_s"] + 1.5
        running.wait_state("paused")
        wait_until(lambda: probe.status["uptime_s"] > paused_for, "a while to pass")
        assert all(command == Twist() for command in probe.commands[paused_at:])
        learned = updates(probe)

        # A control node that is killed and started anew must not set a paused robot in motion.
        control = running.processes["control_node"]
        before = probe.status["control"]
        control.kill()
        control.wait()
        running.start("control_node")
        wait_until(lambda: probe.status["control"] != before, "the new control node")
        running.wait_state("paused")
        assert not probe.moving()

        answer = probe.call("pamiq/resume")
        assert answer.success and answer.message == "active"
        answer = probe.set_parameter("pamiq_inference", "max_linear_velocity", 0.1)
        assert not answer.successful and "read at configure" in answer.reason
        wait_until(probe.moving, "a command after the pause")
        wait_until(lambda: updates(probe) > learned, "updates after the pause")

        answer = probe.call("pamiq/shutdown")
        assert answer.success, answer.message
        assert probe.standing()
        for name, process in running.processes.items():
            assert process.wait(150.0) == 0, name
        wait_until(lambda: probe.state() == "shutdown", "the last status")
        report = probe.status["report"]
        pictures = report["experience"]["pictures"]
        assert pictures["sent"] == pictures["received"] > 0 and pictures["lost"] == 0
        assert report["errors"] == [] and report["inference"]["stops"] == 0
        assert report["training"]["metrics"]["loss"].keys() >= {"first", "last"}
        assert report["restarts"] == {"inference": 0, "training": 0, "control": 1}
        # Commands from before the probe was discovered are not heard, and the zeros that close the
        # topic come after the last report.
        zeros = 8 + 20 * report["robot_stops"]
        assert 0 < len(probe.commands) <= report["actions"]["cmd_vel"] + zeros


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-p", "system:=no_such_system"), ("no_such_system", "vae")),
        (("-p", f"system:={TINY}", "-p", "overrides:=['speed=fast']"), ("speed", "fast")),
        (("-p", f"system:={TINY}", "-p", "rate:=-5.0"), ("rate", "-5.0", "0 to 1000")),
        (
            ("-p", f"system:={TINY}", "-p", "overrides:=['capacity=1000000000']"),
            ("pictures", "bytes"),
        ),
    ],
)
def test_a_bad_configuration_is_refused_by_name_before_anything_moves(arguments, words):
    with graph() as running:
        probe = running.probe
        running.start("control_node")
        running.start("inference_node", *arguments)
        running.start("training_node", *arguments)
        text = wait_until(lambda: probe.status.get("configuration_error"), "the refusal")
        running.wait_state("error")
        for word in words:
            assert word in text
        assert all(command == Twist() for command in probe.commands)


def test_a_state_is_saved_at_the_end_and_loaded_at_the_next_start(tmp_path):
    option = ("-p", f"states_dir:={tmp_path}")
    with graph() as running:
        probe = running.probe
        running.start_all(TINY, *option)
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 3, "weights version 3")
        assert probe.call("pamiq/shutdown").success
        for process in running.processes.values():
            assert process.wait(150.0) == 0
        published = probe.status["report"]["training"]["weights_version"]
        filled = probe.status["report"]["buffers"]["pictures"]["size"]
    (state,) = (tmp_path / "pamiq_training").iterdir()
    assert (state / "models" / "policy.safetensors").is_file()
    with graph() as running:
        probe = running.probe
        running.start_all(TINY, *option)
        wait_until(lambda: probe.inference().get("weights_version", 0) > published, "newer weights")
        buffers = wait_until(lambda: probe.status["report"]["buffers"], "a report of the learner")
        assert buffers["pictures"]["size"] >= min(filled, 64)
