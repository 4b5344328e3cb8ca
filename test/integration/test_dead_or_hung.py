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

"""The robot stops when the inference node dies or hangs, and drives on when it is back."""

import signal

import pytest
from std_srvs.srv import Trigger

from .harness import TINY, graph, wait_until

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

OTHERS = ("pamiq_inference", "pamiq_training")


def test_a_robot_whose_inference_node_dies_or_is_frozen_is_stopped_by_the_control_node():
    with graph() as made:
        probe = made.probe
        made.start_all(TINY)
        for times, fault in enumerate((signal.SIGKILL, signal.SIGSTOP), start=1):
            wait_until(probe.moving, "motion")
            actor = made.processes["inference_node"]
            actor.send_signal(fault)
            wait_until(probe.standing, "the robot to stand")
            wait_until(lambda n=times: probe.status["report"]["robot_stops"] >= n, "the count")
            assert probe.standing()
            if fault == signal.SIGKILL:
                actor.wait()
                made.start("inference_node", "-p", f"system:={TINY}")
            else:
                actor.send_signal(signal.SIGCONT)
        wait_until(probe.moving, "motion")
        assert probe.call("pamiq/shutdown").success
        assert probe.standing()


def test_a_step_that_hangs_stops_the_robot_and_what_it_says_in_the_end_is_dropped(tmp_path):
    with graph() as made:
        probe = made.probe
        hang = tmp_path / "hang"
        made.start_all(TINY, "-p", f"overrides:=['hang={hang}']")
        wait_until(probe.moving, "motion")
        hang.touch()
        wait_until(probe.standing, "the robot to stand")
        wait_until(lambda: probe.inference()["hold"] == "agent_hang", "the cause")
        assert "the agent's step takes longer than" in probe.errors()
        hang.unlink()
        wait_until(lambda: probe.inference()["stop_causes"].get("agent_hang") == 1, "the count")
        wait_until(probe.moving, "motion")
        assert not any(command.linear.x == 0.9 for command in probe.commands)


def test_a_robot_whose_node_freezes_as_soon_as_it_is_active_is_stopped(tmp_path):
    with graph() as made:
        probe = made.probe
        hang = tmp_path / "hang"
        made.start_all(TINY, "-p", f"overrides:=['hang={hang}']", "-p", "rate:=500.0")
        wait_until(probe.moving, "motion")
        assert probe.call("pamiq/pause").success
        paused_at = len(probe.commands)
        hang.write_text("freeze")
        probe.create_client(Trigger, "pamiq/resume").call_async(Trigger.Request())
        wait_until(lambda: not hang.exists(), "the freeze")
        wait_until(lambda: any(c.linear.x for c in probe.commands[paused_at:]), "motion")
        wait_until(probe.standing, "the robot to stand")
        wait_until(lambda: probe.status["report"]["robot_stops"] >= 1, "the count")
        made.processes["inference_node"].send_signal(signal.SIGCONT)
        wait_until(probe.moving, "motion")


def test_the_system_shuts_down_by_itself_after_its_longest_uptime():
    with graph() as made:
        options = ("-p", f"system:={TINY}")
        made.start("inference_node", *options)
        made.start("training_node", *options)
        wait_until(lambda: {*OTHERS} <= {*made.probe.get_node_names()}, "the nodes")
        made.start("control_node", "-p", "max_uptime:=3.0")
        for name, process in made.processes.items():
            assert process.wait(150.0) == 0, name
        assert not made.probe.moving()
