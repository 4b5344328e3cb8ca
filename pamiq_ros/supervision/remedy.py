"""How to leave a state that is wrong: what the user can do about it, in one line each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .status import INFERENCE, TRAINING


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
