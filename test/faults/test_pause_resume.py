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

"""Pause, resume and save at random moments: nobody waits for ever, and nothing is lost."""

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from integration.harness import LENIENT_TIMEOUTS, TINY, graph, wait_until

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

RATE_HZ = 20.0
MOST_GROWTH_MB = 10.0


def resident_mb(process):
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * 4096 / 2**20


def experience(probe):
    return probe.status["report"]["experience"]["pictures"]


def some_command(probe, chance):
    """One command or two at once; whether each was done, and how long it took in s."""
    commands = chance.choices(("pause", "resume", "save_state"), k=chance.choice((1, 1, 1, 2)))
    began = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: probe.call(f"pamiq/{name}"), commands))
    for name, answer in zip(commands, answers, strict=True):
        # A newer command may win over an older one; a state may wait for neither.
        assert answer.success or "newer command" in answer.message, (name, answer.message)
    return time.monotonic() - began


def test_commands_at_random_moments_lose_nothing(tmp_path, repeats, figures):
    chance, took = random.Random(repeats(1, 2)), []
    with graph() as made:
        probe = made.probe
        options = ("-p", f"states_dir:={tmp_path}", "-p", f"rate:={RATE_HZ}", *LENIENT_TIMEOUTS)
        made.start_all(TINY, *options)
        wait_until(probe.moving, "motion")
        nodes = [made.processes[name] for name in ("inference_node", "training_node")]
        before = None
        for index in range(repeats(20, 200)):
            threading.Event().wait(chance.uniform(0.0, 0.4))
            took.append(some_command(probe, chance))
            if index == 10:
                before = [resident_mb(node) for node in nodes]
        assert probe.call("pamiq/resume").success
        wait_until(probe.moving, "motion")
        ticks = probe.inference()["ticks"]
        wait_until(lambda: probe.inference()["ticks"] >= ticks + 3 * RATE_HZ, "ticks")
        grown = [resident_mb(node) - mb for node, mb in zip(nodes, before, strict=True)]

        assert probe.call("pamiq/pause").success
        wait_until(
            lambda: experience(probe)["received"] == experience(probe)["sent"], "what was sent"
        )
        found = experience(probe)
        assert found["lost"] == found["duplicates"] == found["dropped"] == 0
        assert probe.errors() == ""
        assert {node["state"] for node in probe.status["nodes"].values()} == {"inactive"}
        assert {node["restarts"] for node in probe.status["nodes"].values()} == {0}
        assert max(grown) < MOST_GROWTH_MB
        figures(
            commands=len(took),
            slowest_s=round(max(took), 2),
            steps=found["sent"],
            rate_hz=probe.inference()["rate_hz"],
            skipped=probe.inference()["skipped"],
            grown_mb=[round(mb, 1) for mb in grown],
        )
