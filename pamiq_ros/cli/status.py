"""Status: one message of `pamiq/status`, read so that any part of it may be absent."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Mapping
from typing import Any

LARGEST_CHARACTERS = 4 << 20


class Status:
    """What the control node last said of the whole graph.

    Attributes:
        content: The JSON object as it came.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    @classmethod
    def parse(cls, text: str) -> Status:
        """Read the text of a message.

        Raises:
            ValueError: It is too long or is no JSON object; says what was found.
        """
        if len(text) > LARGEST_CHARACTERS:
            raise ValueError(f"expected at most {LARGEST_CHARACTERS} characters, found {len(text)}")
        try:
            content = json.loads(text)
            # Half a pair of surrogates can be escaped in JSON, but no terminal can be given it.
            content = json.loads(json.dumps(content, ensure_ascii=False).encode(errors="replace"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected a JSON object, found {text[:40]!r} ({error})") from error
        if not isinstance(content, dict):
            raise ValueError(f"expected a JSON object, found {text[:40]!r}")
        return cls(content)

    @property
    def state(self) -> str:
        """One word for the whole graph, such as `active`; empty when unknown."""
        return self.text("state")

    @property
    def report(self) -> Mapping[str, Any]:
        """The report's figures; empty while there are none."""
        return self.table("report")

    @property
    def errors(self) -> list[str]:
        """Everything that went wrong, oldest first."""
        found = self.value("report", "errors") or self.value("errors")
        return [str(error) for error in found] if isinstance(found, list) else []

    @property
    def remedies(self) -> list[str]:
        """What can be done about what is wrong now."""
        found = self.value("remedies")
        return [str(remedy) for remedy in found] if isinstance(found, list) else []

    def is_of(self, pid: int | None) -> bool:
        """Whether it comes from a process of this host.

        Args:
            pid: The process; None for none.
        """
        own = {"host": socket.gethostname(), "pid": pid}
        return {key: self.value("claim", key) for key in own} == own

    def value(self, *path: str) -> Any:
        """What lies at a path of keys; None where the path ends early."""
        found: Any = self.content
        for key in path:
            if not isinstance(found, Mapping):
                return None
            found = found.get(key)
        return found

    def text(self, *path: str) -> str:
        """The text at a path; empty when there is none."""
        found = self.value(*path)
        return found if isinstance(found, str) else ""

    def number(self, *path: str) -> float | None:
        """The finite number at a path; None when there is none."""
        return number(self.value(*path))

    def table(self, *path: str) -> Mapping[str, Any]:
        """The JSON object at a path; empty when there is none."""
        found = self.value(*path)
        return found if isinstance(found, Mapping) else {}


def number(value: object) -> float | None:
    """A JSON value as a finite number; None when it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None
