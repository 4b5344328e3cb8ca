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

"""Diagnostics: which level and words each figure leads to, and that trouble of old is none."""

from typing import Any

import pytest

from pamiq_ros.runtime.actor import WAITING
from pamiq_ros.supervision.diagnostics import MOST_VALUES, Draft, Level, Rises, flat
from pamiq_ros.supervision.lifecycle import ACTIVE, INACTIVE
from pamiq_ros.supervision.node_diagnosis import (
    FAULTS,
    inference_statuses,
    node_status,
    system_status,
    training_statuses,
)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def acted(**changes: Any) -> dict[str, Any]:
    figures = {
        "ticks": 500,
        "rate_hz": 20.0,
        "rate_set_hz": 20.0,
        "skipped": 0,
        "lateness_ms": {"p50": 0.1, "p99": 0.8, "max": 2.0},
        "lateness_recent_ms": {"p50": 0.1, "p99": 0.8, "max": 2.0},
        "compute_ms": {"p50": 1.0, "p99": 2.0, "max": 3.0},
        "observation_age_ms": {"p50": 12.0, "p99": 30.0},
        "weights_version": 7,
        "hold": "",
        "stops": 0,
        "stop_causes": {},
        "weights": {"policy": {"version": 7, "refused": 0, "malformed": 0}},
    }
    sent = {"sent": 400, "dropped": changes.pop("dropped", 0), "bytes": 1000}
    return {"inference": {**figures, **changes}, "experience": {"pictures": sent}}


def learned(metric: float | None = 0.5, lost: int = 0, dropped: int = 0) -> dict[str, Any]:
    return {
        "training": {
            "updates": 30,
            "weights_version": 7,
            "weights": {"policy": {"version": 7, "refused": 0}},
            "metrics": {"loss": {"first": 1.0, "last": 0.6, "newest": metric}},
        },
        "experience": {"pictures": {"received": 400, "lost": lost, "malformed": 0}},
        "buffers": {"pictures": {"size": 64, "capacity": 64, "dropped": dropped}},
        "state": {"saved": 1, "failed": 0, "newest": "2026-11-21_09-35-25.595515", "took_s": 0.1},
    }


def by_name(statuses: Any) -> dict[str, Any]:
    return {status.name: status for status in statuses}


def test_a_driving_robot_is_all_right_and_its_figures_have_units():
    found = by_name(inference_statuses(ACTIVE, acted(), Rises()))
    assert list(found) == ["tick", "observations", "weights", "experience"]
    assert {status.level for status in found.values()} == {Level.OK}
    assert found["tick"].message == "20 Hz"
    assert found["tick"].values["lateness_p99_ms"] == "0.8"
    assert found["observations"].values == {"age_p50_ms": "12", "age_p99_ms": "30"}
    assert found["experience"].values["pictures.sent"] == "400"


@pytest.mark.parametrize("cause", sorted(FAULTS))
def test_a_robot_stopped_for_a_fault_is_an_error_in_words(cause):
    tick = by_name(inference_statuses(ACTIVE, acted(hold=cause), Rises()))["tick"]
    assert tick.level is Level.ERROR and FAULTS[cause] in tick.message


def test_a_fault_without_words_of_its_own_is_an_error_too():
    tick = by_name(inference_statuses(ACTIVE, acted(hold="flat_tyre"), Rises()))["tick"]
    assert tick.level is Level.ERROR and "flat_tyre" in tick.message


@pytest.mark.parametrize("cause", sorted(WAITING - {"paused"}))
def test_a_robot_that_waits_is_a_warning(cause):
    found = by_name(inference_statuses(ACTIVE, acted(hold=cause), Rises()))
    assert found["tick"].level is Level.WARN and "waiting for" in found["tick"].message
    room = "weights" if cause == "no_weights" else "observations"
    assert found[room].level is Level.WARN


def test_a_pause_is_no_trouble_whatever_was_before_it():
    for hold in ("paused", "no_weights", "agent_hang"):
        found = by_name(inference_statuses(INACTIVE, acted(hold=hold), Rises()))
        assert {status.level for status in found.values()} == {Level.OK}, hold
        assert found["tick"].message == "paused"


def test_lateness_beyond_a_fifth_of_the_period_is_a_warning():
    for late, level in ((9.9, Level.OK), (10.1, Level.WARN)):
        lateness = {"p50": 0.1, "p99": late, "max": 20.0}
        figures = acted(lateness_recent_ms=lateness)
        tick = by_name(inference_statuses(ACTIVE, figures, Rises()))["tick"]
        assert tick.level is level


@pytest.mark.parametrize(
    ("changes", "room", "words"),
    [
        ({"skipped": 3}, "tick", "3 ticks skipped"),
        ({"stops": 2, "stop_causes": {"agent_hang": 2}}, "tick", "stopped 2 times"),
        ({"dropped": 5}, "experience", "'pictures': 5 steps lost"),
        ({"weights": {"policy": {"refused": 1}}}, "weights", "'policy': 1 messages"),
    ],
)
def test_trouble_is_a_warning_for_a_minute(changes, room, words):
    clock = Clock()
    rises = Rises(clock=clock)
    first = by_name(inference_statuses(ACTIVE, acted(**changes), rises))[room]
    assert first.level is Level.WARN and words in first.message
    clock.now += 59.0
    assert by_name(inference_statuses(ACTIVE, acted(**changes), rises))[room].level is Level.WARN
    clock.now += 2.0
    assert by_name(inference_statuses(ACTIVE, acted(**changes), rises))[room].level is Level.OK


def test_the_learners_losses_are_warnings():
    fine = by_name(training_statuses(ACTIVE, learned(), Rises()))
    assert list(fine) == ["learning", "weights", "experience", "states"]
    assert {status.level for status in fine.values()} == {Level.OK}
    bad = by_name(training_statuses(ACTIVE, learned(metric=None, lost=2, dropped=1), Rises()))
    assert bad["learning"].level is Level.WARN and "loss" in bad["learning"].message
    assert bad["experience"].level is Level.WARN and "3 steps" in bad["experience"].message


def test_an_error_of_yesterday_is_no_warning_today():
    young = node_status(ACTIVE, "", [("camera: gone", 86400.0), ("agent raised (3 times)", 2.0)])
    assert young.level is Level.WARN and young.message == "agent raised (3 times)"
    old = node_status(ACTIVE, "", [("camera: gone", 86400.0)])
    assert old.level is Level.OK and old.message == "running"
    assert old.values["last_error"] == "camera: gone"
    assert old.values["last_error_age_s"] == "86400"


def test_a_refused_configuration_is_an_error_as_long_as_it_is_so():
    refused = node_status("unconfigured", "parameter 'rate': expected ...", [("rate", 900.0)])
    assert refused.level is Level.ERROR and "parameter 'rate'" in refused.message


def status_of(state: str, stops: int = 0) -> dict[str, Any]:
    return {
        "state": state,
        "uptime_s": 5.0,
        "nodes": {"pamiq_inference": {"state": state, "restarts": 0}},
        "report": {"system": "vae", "robot_stops": stops},
    }


def test_the_control_node_tells_of_the_whole():
    assert system_status(status_of("active"), [], Rises()).level is Level.OK
    assert system_status(status_of("paused"), [], Rises()).message == "paused"
    assert system_status(status_of("starting"), [], Rises()).level is Level.WARN
    lost = system_status(status_of("error"), ["pamiq_training does not report any more"], Rises())
    assert lost.level is Level.ERROR and "does not report" in lost.message
    assert system_status(status_of("active", stops=1), [], Rises()).level is Level.WARN


def test_before_it_is_configured_a_node_tells_only_of_itself():
    assert inference_statuses("unconfigured", {}, Rises()) == []
    assert training_statuses("unconfigured", {}, Rises()) == []


def test_a_counter_that_begins_anew_counts_from_zero():
    rises = Rises(clock=Clock())
    assert [rises.of("lost", value) for value in (5, 6, 2)] == [5, 6, 2]


def test_values_are_bounded_in_number_and_length():
    values = flat({f"k{n}": "x" * 10_000 for n in range(1000)})
    assert len(values) == MOST_VALUES + 1 and values["left_out"] == str(1000 - MOST_VALUES)
    assert max(map(len, values.values())) <= 300
    draft = Draft("tick", "fine")
    draft.warn("late")
    draft.fail("y" * 1000)
    assert draft.done().message.startswith("yyy") and len(draft.done().message) <= 300
