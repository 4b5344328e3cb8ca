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

"""A disk that is full or read-only: saving says so and goes on later, the robot drives."""

import random

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from drive import Drive
from integration.harness import TINY, graph, wait_until
from small_disk import SmallDisk

pytestmark = pytest.mark.integration

DISK_BYTES = 4 * 2**20
STATE_BYTES = 100_000
"""About what a state takes."""


def saved(probe, strict):
    """Ask for a state; gives the answer, once the robot has driven on meanwhile and drives now."""
    drive = Drive(probe, strict)
    answer = probe.call("pamiq/save_state")
    drive.require()
    return answer


def refused(probe, disk, reason, strict):
    """Ask for a state that can't be saved: why is said, and nothing half-written is left."""
    answer = saved(probe, strict)
    assert not answer.success and reason in answer.message, answer.message
    assert "pamiq_training: " in answer.message and str(disk.place) in answer.message
    wait_until(lambda: "the state was not saved" in probe.errors(), "the error in the status")
    assert not list(disk.folder.rglob("*.partial"))
    states = sorted(path.name for path in (disk.folder / "pamiq_training").iterdir())
    probe.forget_errors()
    return states


def test_while_the_disk_is_full_or_read_only_the_robot_drives_on(tmp_path, full, repeats, figures):
    chance = random.Random(3)
    place = tmp_path / "disk"
    place.mkdir()
    disk = SmallDisk(place, DISK_BYTES)
    options = ("-p", f"system:={TINY}")
    filled = read_only = 0
    with graph() as made:
        probe = made.probe
        made.start("control_node")
        made.start("inference_node", *options, "-p", f"states_dir:={tmp_path / 'others'}")
        learner = (*options, "-p", f"states_dir:={place}")
        disk.is_of(made.start_by(disk.prefix, "training_node", *learner))
        made.wait_state("active")
        wait_until(probe.moving, "motion")
        wait_until(lambda: probe.inference()["weights_version"] >= 3, "weights")
        answer = saved(probe, strict=full)
        assert answer.success, answer.message
        for _ in range(repeats(1, 20)):
            disk.fill(chance.choice([0, chance.randrange(STATE_BYTES // 2)]))
            before = refused(probe, disk, "No space left on device", strict=full)
            filled += 1
            disk.free()
            answer = saved(probe, strict=full)
            assert answer.success, answer.message
            after = sorted(path.name for path in (disk.folder / "pamiq_training").iterdir())
            assert before[-1] < after[-1] <= answer.message

            disk.remount("ro")
            assert refused(probe, disk, "Read-only file system", strict=full) == after
            read_only += 1
            disk.remount("rw")
            answer = saved(probe, strict=full)
            assert answer.success, answer.message
        training = probe.status["report"]["training"]
        assert training["updates"] > 0 and made.processes["training_node"].poll() is None
        assert made.probe.status["report"]["restarts"]["training"] == 0
    figures(full=filled, read_only=read_only)


def test_a_file_in_the_place_of_the_states_is_refused_at_configure(tmp_path):
    place = tmp_path / "states"
    place.write_text("no folder")
    with graph() as made:
        made.start("control_node")
        made.start("training_node", "-p", f"system:={TINY}", "-p", f"states_dir:={place}")
        wait_until(lambda: made.probe.status.get("configuration_error"), "the refusal")
        found = made.probe.status["configuration_error"]
        assert f"expected a folder for states, found a file: {place}" in found
        assert made.processes["training_node"].poll() is None
    assert place.read_text() == "no folder"
