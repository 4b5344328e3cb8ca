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

"""What the nodes' statistics mean for a robot monitor: the present statuses of each node.

ERROR: the robot is held for a fault, or a node can't work. WARN: the robot waits, or something went
wrong within the last minute. OK: all else, a pause too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .diagnostics import RECENT_S, Draft, Rises, Status
from .lifecycle import ACTIVE, INACTIVE

LARGEST_LATENESS = 0.2
"""Share of the period that the 99th percentile of a tick's lateness may be."""

FEWEST_TICKS = 200
"""With fewer the percentile is the lateness of one tick, the first mostly."""

TICK, OBSERVATIONS, WEIGHTS, EXPERIENCE = "tick", "observations", "weights", "experience"
LEARNING, STATES, NODE, SYSTEM = "learning", "states", "node", "system"

WAITING = {"no_weights": "waiting for weights", "no_observation": "waiting for an observation"}
"""Why a robot is held that had no reason to move in the first place."""

FAULTS = {
    "stale_observation": "the newest observation is too old",
    "observation_error": "an observation can't be used",
    "action_error": "the agent's action can't be commanded",
    "agent_error": "the agent raised an exception",
    "agent_hang": "the agent's step takes too long",
    "tick_error": "a tick failed",
}
"""Why a robot is held that should drive."""

_STATE_WORDS = {ACTIVE: "running", INACTIVE: "paused"}
_MINUTE = "in the last minute"


def node_status(
    state: str, configuration_error: str, errors: Sequence[tuple[str, float]]
) -> Status:
    """The node itself.

    Args:
        state: Its life-cycle state.
        configuration_error: Why it refused its configuration; empty when it did not.
        errors: What went wrong, oldest first: text, and how long ago it last happened in s.
    """
    recent = [text for text, age in errors if age < RECENT_S]
    draft = Draft(NODE, _STATE_WORDS.get(state, state))
    draft.fail(f"configuration refused: {configuration_error}", configuration_error)
    draft.warn(f"{recent[-1] if recent else ''}", recent and not configuration_error)
    draft.values = {"state": state, "errors_kept": len(errors), "errors_recent": len(recent)}
    if errors:
        draft.values |= {"last_error": errors[-1][0], "last_error_age_s": round(errors[-1][1])}
    return draft.done()


def inference_statuses(state: str, statistics: Mapping[str, Any], rises: Rises) -> list[Status]:
    """Statuses of the inference node; none before it is configured.

    Args:
        state: Its life-cycle state.
        statistics: What it reports.
        rises: Of its counters, from call to call.
    """
    if "inference" not in statistics:
        return []
    acted = statistics["inference"]
    hold = acted["hold"] if state == ACTIVE and acted["hold"] != "paused" else ""
    statuses = [
        _tick(state, hold, acted, rises),
        _observations(state, hold, acted, rises),
        _acting_weights(hold, acted, rises),
        _sent(statistics["experience"], rises),
    ]
    return statuses + _states(statistics, rises)


def training_statuses(state: str, statistics: Mapping[str, Any], rises: Rises) -> list[Status]:
    """Statuses of the training node; none before it is configured. Arguments as above."""
    if "training" not in statistics:
        return []
    learned = statistics["training"]
    learning = Draft(LEARNING, "learning" if state == ACTIVE else _STATE_WORDS.get(state, state))
    newest = {name: metric["newest"] for name, metric in learned["metrics"].items()}
    bad = sorted(name for name, value in newest.items() if value is None)
    learning.warn(f"not finite: {', '.join(bad)}", bad)
    learning.values = {"updates": learned["updates"], **newest}
    weights = Draft(WEIGHTS, f"version {learned['weights_version']} published")
    for name, counts in learned["weights"].items():
        lost = rises.total(f"{WEIGHTS}.{name}", counts, ("refused", "unwritable", "unpublished"))
        weights.warn(f"model {name!r}: {lost} versions not published {_MINUTE}", lost)
    weights.values = dict(learned["weights"])
    statuses = [learning.done(), weights.done(), _received(statistics, rises)]
    return statuses + _states(statistics, rises)


def system_status(status: Mapping[str, Any], problems: Sequence[str], rises: Rises) -> Status:
    """The whole, as the control node sees it.

    Args:
        status: The newest content of `pamiq/status`.
        problems: What is wrong now.
        rises: Of the control node's counters, from call to call.
    """
    draft = Draft(SYSTEM, status["state"])
    text = "; ".join(problems)
    draft.fail(text or "error", status["state"] == "error")
    draft.warn(text, text and status["state"] != "error")
    draft.warn("starting", status["state"] == "starting")
    stops = status["report"]["robot_stops"]
    stopped = rises.of("robot_stops", stops)
    draft.warn(f"robot stopped {stopped} times for a silent inference node {_MINUTE}", stopped)
    for name, counts in status["report"].get("refused", {}).items():
        bad = rises.total(f"refused.{name}", counts, ("reports", "statuses"))
        draft.warn(f"{bad} messages between pamiq_control and {name} refused {_MINUTE}", bad)
    draft.values = {
        "state": status["state"],
        "uptime_s": status["uptime_s"],
        "system": status["report"]["system"],
        "robot_stops": stops,
        **{f"{name}.{key}": v for name, node in status["nodes"].items() for key, v in node.items()},
    }
    for name, node in status["nodes"].items():
        restarted = rises.of(f"{name}.restarts", node["restarts"])
        draft.warn(f"{name} was started again {restarted} times {_MINUTE}", restarted)
    return draft.done()


def _tick(state: str, hold: str, acted: Mapping[str, Any], rises: Rises) -> Status:
    draft = Draft(
        TICK, f"{acted['rate_hz']:g} Hz" if state == ACTIVE else _STATE_WORDS.get(state, state)
    )
    draft.warn(f"robot stopped: {WAITING.get(hold, '')}", hold in WAITING)
    draft.fail(f"robot stopped: {FAULTS.get(hold, hold)}", hold and hold not in WAITING)
    for cause, count in acted["stop_causes"].items():
        stops = rises.of(f"stops.{cause}", count)
        draft.warn(f"robot stopped {stops} times {_MINUTE}: {FAULTS.get(cause, cause)}", stops)
    skipped = rises.of("skipped", acted["skipped"])
    draft.warn(f"{skipped} ticks skipped {_MINUTE}", skipped)
    late, period = acted["lateness_recent_ms"]["p99"], 1e3 / acted["rate_set_hz"]
    draft.warn(
        f"1 of 100 ticks {_MINUTE} was later than {late:g} ms, of a period of {period:g} ms",
        acted["ticks"] >= FEWEST_TICKS and late > LARGEST_LATENESS * period,
    )
    timing = ("lateness_ms", "lateness_recent_ms", "compute_ms")
    keys = ("ticks", "rate_hz", "rate_set_hz", "skipped", "hold", *timing)
    draft.values = {key: acted[key] for key in keys}
    draft.values |= {"stops": acted["stops"], "stops_by_cause": acted["stop_causes"]}
    return draft.done()


def _observations(state: str, hold: str, acted: Mapping[str, Any], rises: Rises) -> Status:
    age = acted["observation_age_ms"]
    draft = Draft(OBSERVATIONS, f"median age {age['p50']:g} ms" if state == ACTIVE else "paused")
    draft.warn(WAITING["no_observation"], hold == "no_observation")
    for cause in ("stale_observation", "observation_error"):
        draft.fail(FAULTS[cause], hold == cause)
    draft.values = {"age_ms": age}
    return draft.done()


def _acting_weights(hold: str, acted: Mapping[str, Any], rises: Rises) -> Status:
    version = acted["weights_version"]
    draft = Draft(WEIGHTS, f"version {version}" if acted["weights"] else "none are trained")
    draft.warn(WAITING["no_weights"], hold == "no_weights")
    for name, counts in acted["weights"].items():
        bad = rises.total(
            f"{WEIGHTS}.{name}", counts, ("refused", "malformed", "foreign", "broken")
        )
        draft.warn(f"model {name!r}: {bad} messages or versions refused {_MINUTE}", bad)
    draft.values = {"version": version, **acted["weights"]}
    return draft.done()


def _sent(experience: Mapping[str, Mapping[str, Any]], rises: Rises) -> Status:
    draft = Draft(EXPERIENCE, f"{sum(c['sent'] for c in experience.values())} steps sent")
    for name, counts in experience.items():
        lost = rises.total(f"{EXPERIENCE}.{name}", counts, ("dropped", "unwritable", "unpublished"))
        draft.warn(f"buffer {name!r}: {lost} steps lost before they were sent {_MINUTE}", lost)
    draft.values = dict(experience)
    return draft.done()


def _received(statistics: Mapping[str, Any], rises: Rises) -> Status:
    received, buffers = statistics["experience"], statistics["buffers"]
    draft = Draft(EXPERIENCE, f"{sum(c['received'] for c in received.values())} steps received")
    for name, counts in received.items():
        lost = rises.total(f"{EXPERIENCE}.{name}", counts, ("lost", "rejected"))
        lost += rises.total(f"buffers.{name}", buffers.get(name, {}), ("dropped",))
        draft.warn(f"buffer {name!r}: {lost} steps lost {_MINUTE}", lost)
        bad = rises.total(f"{EXPERIENCE}.{name}.bad", counts, ("malformed", "foreign"))
        draft.warn(f"buffer {name!r}: {bad} messages refused {_MINUTE}", bad)
    draft.values = {n: {**received.get(n, {}), **buffers.get(n, {})} for n in received}
    return draft.done()


def _states(statistics: Mapping[str, Any], rises: Rises) -> list[Status]:
    states = statistics.get("state")
    if states is None:
        return []
    draft = Draft(STATES, f"newest: {states['newest']}" if states["newest"] else "none saved yet")
    failed = rises.of(f"{STATES}.failed", states["failed"])
    draft.warn(f"{failed} states not saved {_MINUTE}", failed)
    draft.values = dict(states)
    return [draft.done()]
