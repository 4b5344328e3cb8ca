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

"""States of real nodes: saved while they go on, taken up after a crash, damage passed over."""

import json
import os
from pathlib import Path

import pytest

from .harness import LENIENT_TIMEOUTS, TINY, graph, wait_until

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")


def states(folder, node="pamiq_training"):
    return sorted(path for path in (folder / node).iterdir() if not path.suffix.isalpha())


def facts(state):
    return json.loads((state / "manifest.json").read_text())["facts"]


def left_in_memory():
    """Scratch folders that nobody holds locked; those of nodes that run for other tests are."""
    with os.scandir("/dev/shm") as entries:
        found = [entry for entry in entries if entry.name.startswith("pamiq_ros-state-")]
    locks = Path("/proc/locks").read_text()
    return [entry.name for entry in found if f":{entry.inode()} " not in locks]


def test_a_learner_that_is_killed_goes_on_from_its_newest_sound_state(tmp_path):
    options = ("-p", f"system:={TINY}", "-p", f"states_dir:={tmp_path}")
    with graph() as made:
        probe = made.probe
        # The camera is in this process, which a busy machine may hold up.
        made.start_all(TINY, *options[2:], *LENIENT_TIMEOUTS)
        wait_until(lambda: probe.inference().get("weights_version", 0) >= 3, "weights")
        ticks = probe.inference()["ticks"]
        for _ in range(3):
            answer = probe.call("pamiq/save_state")
            assert answer.success, answer.message
        saved = states(tmp_path)
        assert len(saved) == 3 == len(states(tmp_path, "pamiq_inference"))
        assert answer.message >= saved[-1].name
        assert probe.moving()

        learner = made.processes["training_node"]
        learner.kill()
        learner.wait()
        [damaged] = (saved[-1] / "models").iterdir()
        damaged.write_bytes(damaged.read_bytes()[:-1])
        made.start("training_node", *options)
        wait_until(lambda: probe.status["report"]["restarts"]["training"] == 1, "the new learner")
        version = probe.inference()["weights_version"]
        wait_until(lambda: probe.inference()["weights_version"] > version + 2, "newer weights")
        training = probe.status["report"]["training"]
        assert training["updates"] >= facts(saved[-2])["updates"] > 0
        assert probe.inference()["ticks"] > ticks and probe.errors() == ""

        assert probe.call("pamiq/pause").success
        known = len(states(tmp_path))
        wait_until(lambda: states(tmp_path)[-1] > saved[-1], "a state of the pause")
        assert known <= 3, "more states are kept than `states_keep`"
        assert probe.call("pamiq/shutdown").success
        for process in (made.processes[n] for n in ("training_node", "inference_node")):
            assert process.wait(150.0) == 0
    assert facts(states(tmp_path)[-1])["version"] >= version
    wait_until(lambda: not left_in_memory(), "nothing to be left in memory")


def test_a_state_of_another_configuration_is_refused_with_the_key_and_not_replaced(tmp_path):
    options = ("-p", f"system:={TINY}", "-p", f"states_dir:={tmp_path}")
    with graph() as made:
        made.start_all(TINY, *options[2:])
        made.wait_state("active")
        assert made.probe.call("pamiq/shutdown").success
        for process in made.processes.values():
            assert process.wait(150.0) == 0
    before = states(tmp_path)
    with graph() as made:
        probe = made.probe
        made.start_all(TINY, *options[2:], "-p", "overrides:=['speed=0.2']")
        wait_until(lambda: probe.status.get("configuration_error"), "the refusal")
        assert "speed: expected 0.2, found 0.3" in probe.status["configuration_error"]
        assert not probe.call("pamiq/save_state").success
        assert probe.call("pamiq/shutdown").success
    assert states(tmp_path) == before
