"""How a run ended, and which exit status that makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION

from .status import Status

OK = 0
FAILED = 1


class Cause(Enum):
    """Why the run came to its end."""

    ASKED = "asked"  # Ctrl-C or SIGTERM
    DURATION = "duration"  # the time of --duration is over
    GRAPH = "graph"  # the control node ended: somebody else called pamiq/shutdown
    CONFIGURATION = "configuration"
    FAILURE = "failure"


@dataclass(frozen=True)
class Ending:
    """Why the run came to its end.

    Attributes:
        cause: The kind of end.
        text: What happened, for the user.
    """

    cause: Cause
    text: str


def judge(
    ending: Ending, status: Status | None, killed: Sequence[str], failures: Sequence[str]
) -> tuple[int, str]:
    """Decide the exit status.

    Args:
        ending: Why the run ended.
        status: The last status that was heard.
        killed: Nodes that had to be killed.
        failures: What went wrong while stopping.

    Returns:
        The exit status and, unless it is 0, one line that says why.
    """
    if ending.cause is Cause.CONFIGURATION:
        return BAD_CONFIGURATION, ending.text
    if ending.cause is Cause.FAILURE:
        return FAILED, ending.text
    if killed:
        return FAILED, f"{', '.join(killed)} had to be killed"
    if failures:
        return FAILED, "; ".join(failures)
    if status is None:
        return FAILED, "stopped before the control node said anything"
    if status.state != "shutdown":
        return FAILED, f"expected to end in the state 'shutdown', found '{status.state}'"
    if status.errors:
        count = len(status.errors)
        return FAILED, f"{count} error{'s' * (count > 1)}, the newest: {status.errors[-1]}"
    return OK, ""
