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

"""Diagnostics: levels of what is measured, published as diagnostic_msgs/DiagnosticArray."""

from __future__ import annotations

import socket
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from .ros_time import steady_timer

RECENT_S = 60.0
"""What happened longer ago in s is no warning any more."""

MOST_VALUES = 40
_LONGEST_TEXT = 300


class Level(IntEnum):
    """Levels as numbered by `diagnostic_msgs/DiagnosticStatus`; STALE is the aggregator's own."""

    OK = 0
    WARN = 1
    ERROR = 2


@dataclass(frozen=True)
class Status:
    """One line of a robot monitor.

    Attributes:
        name: What it is about, such as `tick`; the node's name comes before it.
        level: How bad it is now.
        message: What is so, in words.
        values: Statistics by name, units in the names; at most `MOST_VALUES` and one more that says
            how many were left out.
    """

    name: str
    level: Level
    message: str
    values: Mapping[str, str]


@dataclass
class Draft:
    """A status in the making.

    Attributes:
        name: Name of the status.
        fine: The message while nothing is wrong.
        values: Statistics of any kind; nestings become flat names.
    """

    name: str
    fine: str
    values: dict[str, Any] = field(default_factory=dict)
    _findings: list[tuple[Level, str]] = field(default_factory=list)

    def warn(self, text: str, when: object = True) -> None:
        """Add something to look at, if `when` is true."""
        self._find(Level.WARN, text, when)

    def fail(self, text: str, when: object = True) -> None:
        """Add something that keeps the robot from its work, if `when` is true."""
        self._find(Level.ERROR, text, when)

    def done(self) -> Status:
        """The status: the worst level, and what was found, the worst first."""
        findings = sorted(self._findings, key=lambda finding: -finding[0])
        message = "; ".join(text for _, text in findings) or self.fine
        level = findings[0][0] if findings else Level.OK
        return Status(self.name, level, _short(message), flat(self.values))

    def _find(self, level: Level, text: str, when: object) -> None:
        if when:
            self._findings.append((level, text))


class Rises:
    """How much counters rose in the last minute.

    A counter counts from zero when it is first seen, and anew when it falls: the part that counts
    was built anew.
    """

    def __init__(
        self, window_s: float = RECENT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Args: how long is recent, in s; what tells the time in s."""
        self._window = window_s
        self._clock = clock
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def of(self, counter: str, value: int) -> int:
        """How much the counter of that name rose recently, now that it is `value`."""
        now = self._clock()
        seen = self._seen.setdefault(counter, deque([(now, 0)]))
        if value < seen[-1][1]:
            seen.clear()
            seen.append((now, 0))
        seen.append((now, value))
        while len(seen) > 1 and seen[1][0] <= now - self._window:
            seen.popleft()
        return value - seen[0][1]

    def total(self, name: str, counts: Mapping[str, Any], counters: tuple[str, ...]) -> int:
        """How much several counters of one thing rose together; those it lacks are zero."""
        return sum(self.of(f"{name}.{key}", int(counts.get(key) or 0)) for key in counters)


def flat(values: Mapping[str, Any]) -> dict[str, str]:
    """Nested statistics as one level of texts.

    A unit at the end of an outer name moves to the end: `lateness_ms: {p99: 1}` becomes
    `lateness_p99_ms: 1`.
    """
    rows = _rows("", values)
    kept = {name: _short(_text(value)) for name, value in rows[:MOST_VALUES]}
    if len(rows) > MOST_VALUES:
        kept["left_out"] = str(len(rows) - MOST_VALUES)
    return kept


def _rows(prefix: str, values: Mapping[str, Any]) -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in values.items():
        name = _joined(prefix, str(key))
        rows += _rows(name, value) if isinstance(value, Mapping) else [(name, value)]
    return rows


def _joined(prefix: str, key: str) -> str:
    for unit in ("_ms", "_s", "_hz"):
        if prefix.endswith(unit):
            return f"{prefix[: -len(unit)]}_{key}{unit}"
    return f"{prefix}.{key}" if prefix else key


def _text(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else f"{text[: _LONGEST_TEXT - 1]}…"


TOPIC = "/diagnostics"
PERIOD_S = 1.0


class DiagnosticsPublisher:
    """Publishes what `statuses()` gives, once a second, from the node's executor.

    A status is called `<node>: <name>`, with the namespace before it where there is one, such as
    `robot1/pamiq_inference: tick`. Its hardware is the host the node runs on.
    """

    def __init__(
        self,
        node: Node,
        statuses: Callable[[], Sequence[Status]],
        group: CallbackGroup | None = None,
    ) -> None:
        """Args: the node, its statuses of now, and the callback group of the timer."""
        self._node = node
        self._statuses = statuses
        self._host = socket.gethostname()
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, 10)
        steady_timer(node, PERIOD_S, self.publish, group)

    def publish(self) -> None:
        """Publish the statuses of now."""
        array = DiagnosticArray(status=[self._message(status) for status in self._statuses()])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _message(self, status: Status) -> DiagnosticStatus:
        name = self._node.get_fully_qualified_name().lstrip("/")
        return DiagnosticStatus(
            name=f"{name}: {status.name}",
            hardware_id=self._host,
            level=bytes([status.level]),
            message=status.message,
            values=[KeyValue(key=key, value=value) for key, value in status.values.items()],
        )
