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

"""The control node, all nodes at once, and the program that started them are killed."""

import contextlib
import os
import signal
import time

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from heard import Heard
from integration.harness import graph, wait_until
from launcher import SYSTEM, alive, launcher, nodes_of, shared_memory
from newest_state import facts, newest_state, turn_of

from pamiq_ros.core.state import load_json

pytestmark = pytest.mark.integration

MANY_SIGNALS = 20_000


def test_nodes_go_on_without_a_control_node_and_a_new_one_takes_them_as_they_are():
    with graph() as made:
        probe, heard = made.probe, Heard.by(made.probe)
        # Pictures come late on a busy machine, and the robot would stand for that.
        made.start_all(SYSTEM, "-p", "observation_timeout:=10.0")
        made.wait_state("active")
        wait_until(probe.moving, "motion")
        killed_at = time.monotonic()
        restart_control(made, lambda: len(heard.since(killed_at)) > 25)
        made.wait_state("active")
        assert heard.first(killed_at, moving=False) is None
        assert probe.call("pamiq/pause").success

        paused_at = time.monotonic()
        restart_control(made)
        made.wait_state("paused")
        reported = probe.status["uptime_s"]
        wait_until(lambda: probe.status["uptime_s"] > reported + 1.0, "two more reports")
        assert probe.state() == "paused"
        assert heard.first(paused_at, moving=True) is None
        assert probe.call("pamiq/resume").success
        wait_until(lambda: heard.first(paused_at, moving=True), "motion")


def test_nodes_come_back_when_all_are_killed_and_end_when_the_launcher_is(tmp_path, figures):
    with graph() as made, launcher(tmp_path) as process:
        probe, heard = made.probe, Heard.by(made.probe)
        made.wait_state("active")
        wait_until(lambda: heard.updates and heard.updates[-1] > 2, "training")
        assert probe.call("pamiq/save_state").success
        control = probe.status["control"]
        for pid in nodes_of(process).values():
            os.kill(pid, signal.SIGKILL)
        learned = newest_state(tmp_path / "states", "pamiq_training")
        acted = newest_state(tmp_path / "states", "pamiq_inference")
        learners, turn_of_state, dead = heard.learners, turn_of(learned), heard.sources
        wait_until(lambda: probe.status["control"] != control, "a new control node")
        began = time.monotonic()
        made.wait_state("active")
        step = wait_until(lambda: heard.first_step_after(dead), "a step")
        wait_until(lambda: heard.learners > learners and heard.updates, "updates")
        assert step.number == load_json(acted / "agent") + 1
        assert step.version > facts(learned)["version"] > 0
        assert min(heard.updates) >= facts(learned)["updates"] > 0
        assert min(heard.turns(began)) >= turn_of_state

        nodes = nodes_of(process)
        assert len(nodes) == 3
        held = {file for pid in nodes.values() for file in shared_memory(pid)}
        process.kill()
        wait_until(lambda: not any(map(alive, nodes.values())), "the end of the nodes")
        wait_until(probe.standing, "the robot to stand")
        ours = {path for path in held if path.name.startswith("pamiq_ros")}
        assert ours
        assert not any(path.exists() for path in ours)
        figures(fast_dds_files_left=sorted(p.name for p in held if p.exists()))


def test_a_node_that_is_told_to_end_again_and_again_ends():
    with graph() as made:
        node = made.start("control_node")
        wait_until(made.probe.state, "a status")
        with contextlib.suppress(ProcessLookupError):
            for _ in range(MANY_SIGNALS):
                os.kill(node.pid, signal.SIGTERM)
        assert node.wait(150.0) == 0


def restart_control(made, meanwhile=lambda: True):
    """Kill the control node, let something happen without it, and wait for the new one's status."""
    control = made.probe.status["control"]
    made.processes["control_node"].kill()
    made.processes["control_node"].wait()
    wait_until(meanwhile, "what happens without the control node")
    made.start("control_node")
    wait_until(lambda: made.probe.status["control"] != control, "the new control node's status")
