"""The status object of `pamiq/status`, gathered from the nodes' own reports."""

from __future__ import annotations

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
        figures.get("up_to", 0) >= figures.get("numbered", 0)
        for figures in report["experience"].values()
    )
