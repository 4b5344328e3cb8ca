"""Rivals: which of several control nodes has the robot, wherever they run.

On one host `name_claim.py` lets one start. Control nodes of several hosts, or of containers with
networks of their own, know each other by `pamiq/status`. Each compares the same two ranks, so
exactly one of two goes on. Whose robot has been driven already wins over a newcomer.
"""

from __future__ import annotations

from typing import Any

from .sealed import unseal

_ENDED = ("stopping", "shutdown")


class Rivals:
    """Compares this control node with each one that it hears.

    Args:
        control: The identifier of this control node in its statuses.
        began_ns: When it started, in ns since 1970.

    Attributes:
        driven: Whether its robot has been driven.
        winner: What has the robot in place of this node; empty while this one has it.
    """

    def __init__(self, control: str, began_ns: int) -> None:
        self._control, self._began_ns = control, began_ns
        self.driven = False
        self.winner = ""

    def claim(self, host: str, pid: int) -> dict[str, Any]:
        """The entry `claim` of this node's status.

        Args:
            host: Name of its host.
            pid: Id of its process.
        """
        return {"host": host, "pid": pid, "began_ns": self._began_ns, "driven": self.driven}

    def hear(self, text: str) -> None:
        """Compare with the status of a control node; a text that is none changes nothing.

        Args:
            text: Text that may come from anybody.
        """
        try:
            status = unseal(text)
            control, claim = status["control"], status["claim"]
            rank = not claim["driven"], int(claim["began_ns"]), str(control)
            host, pid = str(claim["host"])[:80], int(claim["pid"])
        except (ValueError, KeyError, TypeError):
            return
        own = not self.driven, self._began_ns, self._control
        if control != self._control and status.get("state") not in _ENDED and rank < own:
            self.winner = f"process {pid} on host {host}"
