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

"""The status of the system: its state in one word, its report, and what to do about faults."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from .lifecycle import ACTIVE, FINALIZED, INACTIVE

INFERENCE = "pamiq_inference"
TRAINING = "pamiq_training"


def system_state(states: Mapping[str, str], wanted: str, failed: bool) -> str:
    """One word for the whole: starting, active, paused, stopping, shutdown or error.

    Args:
        states: Life-cycle state of each managed node.
        wanted: The state they should all be in.
        failed: Whether a node refused a transition or is not answering.
    """
    if all(state == wanted for state in states.values()):
        return {ACTIVE: "active", INACTIVE: "paused", FINALIZED: "shutdown"}[wanted]
    if wanted == FINALIZED:
        return "stopping"
    return "error" if failed else "starting"


def gather_report(
    reports: Mapping[str, Mapping[str, Any]], restarts: Mapping[str, int], duration_s: float
) -> dict[str, Any]:
    """The report: one object with what every node measured.

    Args:
        reports: The newest report of each managed node; empty where there is none yet.
        restarts: How often each node was started again, by its short name.
        duration_s: Time since the system was first active, in s.
    """
    inference = reports.get(INFERENCE, {})
    training = reports.get(TRAINING, {})
    acted = inference.get("figures", {})
    learned = training.get("figures", {})
    sent = acted.get("experience", {})
    received = learned.get("experience", {})
    return {
        "system": inference.get("system", ""),
        "duration_s": round(duration_s, 3),
        "inference": acted.get("inference", {}),
        "experience": {
            name: {**received.get(name, {}), **sent.get(name, {})}
            for name in sorted({*sent, *received})
        },
        "buffers": learned.get("buffers", {}),
        "training": learned.get("training", {}),
        "actions": acted.get("actions", {}),
        "restarts": dict(restarts),
        "refused": {
            name: {key: report.get(f"refused_{key}", 0) for key in ("reports", "statuses")}
            for name, report in reports.items()
        },
        "errors": [
            f"{name}: {text}"
            for name, report in reports.items()
            for text in report.get("errors", [])
        ],
    }


def all_received(report: Mapping[str, Any]) -> bool:
    """Whether the newest step that was sent has arrived, and so every one that will.

    `received` counts from the learner's start, `sent` from the actor's, and either may have been
    started again: the steps' own numbers tell.
    """
    return all(
        statistics.get("up_to", 0) >= statistics.get("numbered", 0)
        for statistics in report["experience"].values()
    )


_MOST_SEEN = 256


class OwnPauses:
    """Counts each instance's own pauses, which its reports tell, so that each is taken up once.

    Attributes:
        by: The node that paused by itself last.
    """

    def __init__(self) -> None:
        self.by = ""
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def newly(self, reports: Mapping[str, Mapping[str, Any]]) -> str:
        """The node that has paused by itself since the last call; empty when none has.

        Args:
            reports: The newest report of each managed node; any thread's, so an older one may come
                after a newer one.
        """
        found = ""
        with self._lock:
            for name, report in reports.items():
                instance, count = str(report.get("instance")), report.get("own_pauses", 0)
                # What an instance did before it was first heard shows in its life-cycle state.
                if count > self._seen.setdefault(instance, count):
                    self._seen[instance] = count
                    self.by = found = name
                self._seen.move_to_end(instance)
            while len(self._seen) > _MOST_SEEN:
                self._seen.popitem(last=False)
        return found


def remedies(
    states: Mapping[str, str],
    failures: Mapping[str, str],
    reports: Mapping[str, Mapping[str, Any]],
    paused_by: str,
) -> list[str]:
    """What can be done about what is wrong now.

    Args:
        states: Life-cycle state of each managed node, or `lost`.
        failures: Why a node is not in the state it should be in; empty where it is.
        reports: The newest report of each managed node.
        paused_by: The node that paused the system by itself; empty when none has.

    Returns:
        Sentences to act on, the most urgent first; none when all is well.
    """
    found = []
    for name in (INFERENCE, TRAINING):
        if reports.get(name, {}).get("configuration_error"):
            found.append(f"correct the configuration of {name}, then start it again")
        elif states[name] == "lost":
            found.append(f"start {name} again; it is taken up by itself")
        elif failures[name]:
            found.append(f"pamiq/resume has {name} try again")
    if paused_by:
        found.append(f"{paused_by} paused the system for a fault: pamiq/resume goes on")
    halted = reports.get(TRAINING, {}).get("figures", {}).get("training", {}).get("halted", "")
    if halted:
        found.append(
            f"training has stopped: it tries again after pamiq/pause and pamiq/resume; {TRAINING} "
            "started again begins with its newest state"
        )
    return found
