"""The training node is killed again and again: the robot feels nothing, nothing learned is lost."""

import time
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

from heard import Heard, stolen_ms
from integration.harness import graph, wait_until
from newest_state import facts, newest_state, numbers, turn_of

pytestmark = pytest.mark.integration

SYSTEM = f"{Path(__file__).parent / 'counting_system.py'}:system"
LATEST_TICK_MS = 10.0
QUIET_TICKS = 1500


def test_a_learner_that_is_killed_costs_no_tick_no_step_and_no_version(
    tmp_path, full, repeats, figures
):
    options = ("-p", f"system:={SYSTEM}", "-p", f"states_dir:={tmp_path}", "-p", "save_updates:=2")
    stolen = stolen_ms()
    with graph() as made:
        probe = made.probe
        # At full size with all that a start takes from the others, such as importing torch.
        start = partial(made.start_by, ()) if full else made.start
        heard = Heard.by(probe)
        made.start_all(SYSTEM, *options[2:])
        wait_until(lambda: newest_state(tmp_path, "pamiq_training"), "a state")
        wait_until(lambda: heard.first(0.0, moving=True), "motion")
        began = time.monotonic()
        ticks = probe.inference()["ticks"] + repeats(0, QUIET_TICKS)
        wait_until(lambda: probe.inference()["ticks"] >= ticks, "ticks of comparison")
        lateness = [probe.inference()["lateness_ms"]["max"]]
        quiet_stolen, stolen = stolen_ms() - stolen, stolen_ms()
        gone = []
        for kills in range(1, repeats(2, 20) + 1):
            version, killed_at = heard.version, time.monotonic()
            kill(made.processes["training_node"])
            state = newest_state(tmp_path, "pamiq_training")
            known, of_state = len(heard.updates), facts(state)["updates"]
            turn_of_state = turn_of(state)
            start("training_node", *options)
            wait_until(lambda n=kills: probe.status["report"]["restarts"]["training"] == n, "it")
            wait_until(lambda v=version: heard.version >= v + 2, "newer weights")
            gone.append(time.monotonic() - killed_at)
            wait_until(lambda u=of_state: heard.updates[-1] > u, "more updates")
            assert min(heard.updates[known:]) >= of_state > 0
            assert min(turned for *_, turned in heard.since(killed_at)) >= turn_of_state
            lateness.append(probe.inference()["lateness_ms"]["max"])

        wait_for_steps(tmp_path, probe, heard.steps[-1].number)
        saved = numbers(newest_state(tmp_path, "pamiq_training"))
        assert set(saved) == set(range(1, max(saved) + 1))
        sources, sent, versions = zip(*heard.steps, strict=True)
        assert len(set(sources)) == 1
        assert list(sent) == list(range(1, len(sent) + 1))
        assert list(versions) == sorted(versions)
        inference = probe.inference()
        # On a busy machine the pictures of the test itself come late.
        assert set(inference["stop_causes"]) <= {"stale_observation"}
        figures(
            kills=len(gone),
            learner_gone_s=[round(seconds, 2) for seconds in sorted(gone)],
            lateness_max_ms_quiet=lateness[0],
            lateness_max_ms_after_each_kill=lateness[1:],
            lateness_ms=inference["lateness_ms"],
            ticks=inference["ticks"],
            skipped=inference["skipped"],
            robot_stops=probe.status["report"]["robot_stops"],
            stolen_ms_quiet=quiet_stolen,
            stolen_ms=stolen_ms() - stolen,
            steps_saved=len(set(saved)),
            steps_saved_twice=len(saved) - len(set(saved)),
            versions=versions[-1],
        )
        if full:
            assert heard.first(began, moving=False) is None
            assert lateness[-1] <= LATEST_TICK_MS


def kill(process):
    """Kill -9, and wait until the process is gone."""
    process.kill()
    process.wait()


def wait_for_steps(states_dir, probe, last):
    """Wait until the learner's saved buffer has the step of a number."""

    def saved():
        answer = probe.call("pamiq/save_state")
        assert answer.success, answer.message
        return max(numbers(newest_state(states_dir, "pamiq_training"))) >= last

    wait_until(saved, f"step {last} in the learner's state")
