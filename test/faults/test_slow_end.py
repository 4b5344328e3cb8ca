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

"""A learner in a long run of its trainer is waited for, and its last state is saved."""

import re
import signal

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from integration.harness import TINY, graph, wait_until
from launcher import launcher
from newest_state import facts, newest_state

pytestmark = pytest.mark.integration


def test_ctrl_c_in_a_long_run_of_a_trainer_stops_the_robot_and_loses_no_update(tmp_path):
    fault = tmp_path / "fault"
    with graph() as made, launcher(tmp_path, TINY, "--set", f"fault={fault}") as process:
        probe = made.probe
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 3, "weights")
        fault.write_text("slow")
        wait_until(lambda: not fault.exists(), "the long run")
        process.send_signal(signal.SIGINT)
        wait_until(probe.standing, "the robot to stand")
        assert process.poll() is None
        assert process.wait(150.0) == 0, (tmp_path / "said").read_text()
        updates = probe.status["report"]["training"]["updates"]
        assert facts(newest_state(tmp_path / "states", "pamiq_training"))["updates"] == updates >= 3
        assert re.search("waiting for .*pamiq_training", (tmp_path / "said").read_text())
