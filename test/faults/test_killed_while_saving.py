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

"""Killed while it saves: a sound state is found, never older than the last that was saved."""

import array
import random
import time
from pathlib import Path

import pytest
import torch

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from drive import Drive
from flood import QOS
from integration.harness import TINY, graph, wait_until
from killed_saver import KilledSaver, phase, phases
from newest_state import facts, newest_state
from saving_learner import KEPT, SavingLearner
from std_msgs.msg import UInt8MultiArray
from std_srvs.srv import Trigger

from pamiq_ros.checkpoints.store import is_state_id
from pamiq_ros.core.config import resolve_system
from pamiq_ros.core.data import StepBatch
from pamiq_ros.transport.experience import ExperienceBatch, encode_experience

LONGEST_DELAY_S = 0.25
"""Some times as long as saving takes."""

PICTURE, BATCH, BATCHES = 128, 64, 16


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=":")
    return tmp_path / "states"


def taken_up(folder):
    """The learner that goes on after the kill, checked."""
    again = SavingLearner(folder)
    assert again.damages == []
    assert again.require_agreement() <= again.learner.updates
    assert all(is_state_id(path.name) for path in folder.iterdir())
    return again


def test_a_process_killed_at_any_moment_leaves_the_newest_state_sound(folder, repeats, figures):
    chance, found = random.Random(1), []
    newest, updates, numbers = "", 0, 0
    for _ in range(repeats(6, 200)):
        saver = KilledSaver(folder)
        saver.wait_saved()
        time.sleep(chance.uniform(0.0, LONGEST_DELAY_S))
        assert saver.kill()
        found.append(phase(folder))
        again = taken_up(folder)
        assert again.found >= max(saver.told) > newest
        newest = again.found
        assert again.learner.updates >= updates and again.number > numbers
        updates, numbers = again.learner.updates, again.number
    figures(kills=len(found), **phases(found))


def test_killed_at_any_access_to_the_file_system_the_state_is_the_new_one_or_the_one_before(
    folder, full, figures
):
    saver = KilledSaver(folder)
    for _ in range(KEPT + 1):
        saver.wait_saved()
    saver.kill()
    newest, found, event = taken_up(folder).found, [], 1
    while True:
        saver = KilledSaver(folder, event)
        if not saver.wait_killed():
            break  # it got through
        found.append(phase(folder))
        again = taken_up(folder)
        assert again.found >= max(saver.told, default=newest) >= newest
        newest = again.found
        event += 1 if full else 10
    assert len(list(folder.iterdir())) == KEPT
    assert {"writing", "syncing"} <= set(found)
    assert not full or {"renamed", "removing"} <= set(found)
    figures(kills=len(found), **phases(found))


def fill_buffer(probe, overrides):
    """Give the learner 1024 steps of 48 KB at once, as another robot."""
    topic = probe.create_publisher(UInt8MultiArray, "pamiq/experience/pictures", QOS)
    wait_until(lambda: topic.get_subscription_count() > 0, "the learner's subscription")
    picture = torch.zeros(3, PICTURE, PICTURE, dtype=torch.uint8)
    steps = StepBatch.stack([{"picture": picture, "turn": 0.0}] * BATCH)
    digest, none = resolve_system(TINY, "", overrides).digest, torch.zeros(BATCH, dtype=torch.int64)
    for number in range(BATCHES):
        names = (digest, "another robot", "pictures")
        data = encode_experience(ExperienceBatch(*names, number * BATCH, none, none, steps))
        topic.publish(UInt8MultiArray(data=array.array("B", data)))
    size = lambda: probe.status["report"]["buffers"]["pictures"]["size"]  # noqa: E731
    wait_until(lambda: size() >= BATCH * BATCHES, "all of it in the buffer")


def killed_while_saving(process, folder, moment):
    """Kill a node some time after it has begun to save; gives what it was at."""
    wait_until(lambda: list(folder.glob("*.partial")), "a state that is being written")
    time.sleep(moment)
    process.kill()
    process.wait()
    return phase(folder)


def test_a_learner_with_a_large_buffer_killed_while_it_saves_goes_on(
    tmp_path, full, repeats, figures
):
    overrides = [f"size={PICTURE}", "capacity=2000"]
    options = ("-p", f"states_dir:={tmp_path}", "-p", f"overrides:=[{', '.join(overrides)}]")
    chance, found, folder = random.Random(6), [], tmp_path / "pamiq_training"
    with graph(PICTURE) as made:
        probe = made.probe
        made.start_all(TINY, *options)
        wait_until(probe.moving, "motion")
        fill_buffer(probe, overrides)
        assert probe.call("pamiq/save_state").success
        save = probe.create_client(Trigger, "pamiq/save_state")
        assert save.wait_for_service(10.0)
        drive = Drive(probe, strict=full)
        for kills in range(1, repeats(1, 10) + 1):
            state = newest_state(tmp_path, "pamiq_training")
            asked = save.call_async(Trigger.Request())
            learner = made.processes["training_node"]
            found.append(killed_while_saving(learner, folder, chance.uniform(0.0, 0.05)))
            saved = newest_state(tmp_path, "pamiq_training")
            assert saved.name >= state.name
            made.start("training_node", "-p", f"system:={TINY}", *options)
            again = lambda n=kills: probe.status["report"]["restarts"]["training"] == n  # noqa: E731
            wait_until(again, "the learner that is started again")
            wait_until(asked.done, "an answer to who asked for the state")
            told = asked.result()  # it may have been saved just before
            assert told.success or "pamiq_training ended before its state was" in told.message
            wait_until(lambda: probe.call("pamiq/save_state").success, "a state of the new one")
            assert newest_state(tmp_path, "pamiq_training").name > saved.name
            wait_until(lambda: "updates" in probe.status["report"]["training"], "its figures")
            assert probe.status["report"]["training"]["updates"] >= facts(saved)["updates"] > 0
            assert probe.status["report"]["buffers"]["pictures"]["size"] >= BATCH * BATCHES
            assert "state" not in probe.errors()
        drive.require()
    figures(kills=len(found), **phases(found))
