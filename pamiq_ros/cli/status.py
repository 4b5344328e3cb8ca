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

"""Status: one message of `pamiq/status`. Any part of it may be missing or of another type."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Iterator, Mapping
from typing import Any

LARGEST_CHARACTERS = 4 << 20


class Status:
    """The newest status of the control node.

    Attributes:
        content: The JSON object.
    """

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    @classmethod
    def parse(cls, text: str) -> Status:
        """Read the text of a message.

        Raises:
            ValueError: It is too long or not a JSON object; says what was found.
        """
        if len(text) > LARGEST_CHARACTERS:
            raise ValueError(f"expected at most {LARGEST_CHARACTERS} characters, found {len(text)}")
        try:
            content = json.loads(text)
            # JSON can escape half a pair of surrogates, which no terminal can show.
            content = json.loads(json.dumps(content, ensure_ascii=False).encode(errors="replace"))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"expected a JSON object, found {text[:40]!r} ({error})") from error
        if not isinstance(content, dict):
            raise ValueError(f"expected a JSON object, found {text[:40]!r}")
        return cls(content)

    @property
    def state(self) -> str:
        """The state of the whole graph, such as `active`; empty if unknown."""
        return self.text("state")

    @property
    def report(self) -> Mapping[str, Any]:
        """The report; empty if there is none."""
        return self.table("report")

    @property
    def errors(self) -> list[str]:
        """All errors, oldest first."""
        found = self.value("report", "errors") or self.value("errors")
        return [str(error) for error in found] if isinstance(found, list) else []

    @property
    def remedies(self) -> list[str]:
        """What the user can do about present problems."""
        found = self.value("remedies")
        return [str(remedy) for remedy in found] if isinstance(found, list) else []

    @property
    def metrics(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Name and values of each metric of training."""
        return list(_tables(self.table("report", "training", "metrics")))

    @property
    def experience(self) -> list[tuple[str, Mapping[str, Any]]]:
        """Name and counters of each experience topic."""
        return list(_tables(self.table("report", "experience")))

    @property
    def buffers(self) -> list[tuple[str, float, float | None]]:
        """Name, size and capacity of each buffer; the capacity is None if it is unlimited."""
        found = []
        for name, fill in self.table("report", "buffers").items():
            table = fill if isinstance(fill, Mapping) else {"size": fill}
            size = number(table.get("size"))
            if size is not None:
                found.append((name, size, number(table.get("capacity"))))
        return found

    def is_of(self, pid: int | None) -> bool:
        """Return whether it comes from a process of this host.

        Args:
            pid: The process; None for none.
        """
        own = {"host": socket.gethostname(), "pid": pid}
        return {key: self.value("claim", key) for key in own} == own

    def value(self, *path: str) -> Any:
        """Return the value at a path of keys; None if there is none."""
        found: Any = self.content
        for key in path:
            if not isinstance(found, Mapping):
                return None
            found = found.get(key)
        return found

    def text(self, *path: str) -> str:
        """Return the text at a path; empty if there is none."""
        found = self.value(*path)
        return found if isinstance(found, str) else ""

    def number(self, *path: str) -> float | None:
        """Return the finite number at a path; None if there is none."""
        return number(self.value(*path))

    def table(self, *path: str) -> Mapping[str, Any]:
        """Return the JSON object at a path; empty if there is none."""
        found = self.value(*path)
        return found if isinstance(found, Mapping) else {}


def number(value: object) -> float | None:
    """Return a JSON value as a finite number; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _tables(table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, values in table.items():
        if isinstance(values, Mapping):
            yield name, values
