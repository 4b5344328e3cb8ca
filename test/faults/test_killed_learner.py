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

"""The training node is killed again and again: the robot feels nothing, nothing learned is lost."""

import itertools
import statistics
import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from heard import Heard
from integration.harness import graph, wait_until
from newest_state import facts, newest_state, numbers, turn_of
from tick_lateness import lateness_ms

pytestmark = pytest.mark.integration

SYSTEM = f"{Path(__file__).parent / 'counting_system.py'}:system"
RATE = 50.0
LATEST_TICK_MS = 10.0
QUIET_TICKS = 1500


def test_a_learner_that_is_killed_costs_no_tick_no_step_and_no_version(
    tmp_path, full, repeats, figures
):
    options = ("-p", f"system:={SYSTEM}", "-p", f"states_dir:={tmp_path}", "-p", "save_updates:=2")
    with graph() as made:
        probe = made.probe
        # At full size with all that a start takes from the others, such as importing torch.
        start = partial(made.start_by, ()) if full else made.start
        heard = Heard.by(probe)
        made.start_all(SYSTEM, *options[2:])
        wait_until(lambda: newest_state(tmp_path, "pamiq_training"), "a state")
        wait_until(lambda: heard.first(0.0, moving=True), "motion")
        began = time.monotonic()
        first = heard.steps[-1].number
        quiet = repeats(0, QUIET_TICKS)
        wait_until(lambda: heard.steps[-1].number >= first + quiet, "ticks of comparison")
        begins, gone = [first, heard.steps[-1].number], []
        for _ in range(repeats(2, 20)):
            learners, version, killed_at = heard.learners, heard.version, time.monotonic()
            kill(made.processes["training_node"])
            state = newest_state(tmp_path, "pamiq_training")
            of_state, turn_of_state = facts(state)["updates"], turn_of(state)
            start("training_node", *options)
            wait_until(lambda n=learners: heard.learners > n, "a status with the new learner")
            wait_until(lambda v=version: heard.version >= v + 2, "newer weights")
            gone.append(time.monotonic() - killed_at)
            wait_until(lambda u=of_state: heard.updates and heard.updates[-1] > u, "more updates")
            assert min(heard.updates) >= of_state > 0
            assert min(heard.turns(killed_at)) >= turn_of_state
            begins.append(heard.steps[-1].number)

        wait_for_steps(tmp_path, probe, heard.steps[-1].number)
        saved = numbers(newest_state(tmp_path, "pamiq_training"))
        assert set(saved) == set(range(1, max(saved) + 1))
        sources, sent, versions, _ = zip(*heard.steps, strict=True)
        assert len(set(sources)) == 1
        assert list(sent) == list(range(1, len(sent) + 1))
        assert list(versions) == sorted(versions)
        inference = probe.inference()
        # On a busy machine the pictures of the test itself come late.
        assert set(inference["stop_causes"]) <= {"stale_observation"}
        ticks = [worst(heard, *part) for part in itertools.pairwise(begins)]
        figures(
            kills=len(gone),
            learner_gone_s_p50=round(statistics.median(gone), 2),
            learner_gone_s_max=round(max(gone), 2),
            tick_ms_quiet=ticks[0],
            tick_ms_max=max(tick for tick, _ in ticks[1:]),
            tick_ms_max_nothing_stolen=max(tick for _, tick in ticks[1:]),
            tick_ms_of_each_kill=ticks[1:],
            lateness_ms=inference["lateness_ms"],
            ticks=len(sent),
            skipped=inference["skipped"],
            robot_stops=probe.status["report"]["robot_stops"],
            stolen_ms=heard.stolen.between(heard.steps[first].stamp, heard.steps[-1].stamp),
            steps_saved=len(set(saved)),
            steps_saved_twice=len(saved) - len(set(saved)),
            versions=versions[-1],
        )
        if full:
            assert heard.first(began, moving=False) is None
            assert max(tick for _, tick in ticks[1:]) <= LATEST_TICK_MS


def kill(process):
    """Kill -9, and wait until the process is gone."""
    process.kill()
    process.wait()


def worst(heard, begin, end):
    """The latest tick between two steps in ms: of all, and of those while nothing was stolen."""
    stamps = [step.stamp for step in heard.steps[begin - 1 : end]]
    late = lateness_ms(stamps, RATE)
    own = [ms for ms, stamp in zip(late, stamps, strict=True) if not heard.stolen.around(stamp)]
    return round(max(late), 3), round(max(own, default=0.0), 3)


def wait_for_steps(states_dir, probe, last):
    """Wait until the learner's saved buffer has the step of a number."""

    def saved():
        answer = probe.call("pamiq/save_state")
        assert answer.success, answer.message
        return max(numbers(newest_state(states_dir, "pamiq_training"))) >= last

    wait_until(saved, f"step {last} in the learner's state")
