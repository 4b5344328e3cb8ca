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

"""Reports of nodes: sealed text, checked when received, and which instances have reported.

Nodes report to each other in JSON that anybody can read. A damaged report, or one of another
sender, must have no effect: the checksum tells it from theirs.
"""

from __future__ import annotations

import json
import re
import time
import zlib
from collections.abc import Callable, Collection, Mapping
from typing import Any

MOST_CHARACTERS = 4 << 20
"""A longer text is refused unread."""

MOST_LEVELS = 32
"""Deeper nestings are refused: to encode them again could take more stack than there is."""

_MARK = ', "crc32": '
_SEAL = re.compile(r"(\d{1,10})\}")


def seal(content: Mapping[str, Any]) -> str:
    """An object as JSON whose last entry, `crc32`, is the checksum of the others' text.

    Args:
        content: At least one entry.
    """
    text = json.dumps(content)
    return f"{text[:-1]}{_MARK}{_checksum(text)}}}"


def unseal(text: str) -> dict[str, Any]:
    """The object that was sealed.

    Raises:
        ValueError: It is none, or was damaged; says what was found.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"expected at most {MOST_CHARACTERS} characters, found {len(text)}")
    body, _, rest = text.rpartition(_MARK)
    found = _SEAL.fullmatch(rest)
    if found is None:
        raise ValueError(f"expected a JSON object with a crc32 at its end, found {text[:40]!r}")
    body += "}"
    if int(found[1]) != _checksum(body):
        raise ValueError(f"damaged: its crc32 is {_checksum(body)}, and it says {found[1]}")
    try:
        content = json.loads(body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(content, dict):
        raise ValueError(f"expected a JSON object, found {text[:40]!r}")
    _require_levels(content, MOST_LEVELS)
    return content


def _require_levels(value: Any, levels: int) -> None:
    if isinstance(value, (dict, list)):
        if levels == 0:
            raise ValueError(f"expected at most {MOST_LEVELS} levels, found more")
        for inner in value.values() if isinstance(value, dict) else value:
            _require_levels(inner, levels - 1)


def _checksum(text: str) -> int:
    return zlib.crc32(text.encode(errors="replace"))


MOST_ACTUATORS = 64
MOST_REPORT_CHARACTERS = 1 << 19
"""In a report: a status with two of them, and all their errors three times, can still be read."""

LARGEST_COMMAND = 65536
"""Most values in a command."""

LARGEST_VERSION = 2**61
"""No learner numbers its weights so far."""

_MOST_TEXT = 256
_TOPIC = re.compile(r"/?[A-Za-z_]\w*(/[A-Za-z_]\w*)*", re.ASCII)
_TEXTS = {"node": str, "instance": str, "system": str, "state": str, "configuration_error": str}
_PARTS = ("inference", "experience", "buffers", "training", "actions", "state")


def read_report(text: str) -> dict[str, Any]:
    """A report from the text of a message.

    Args:
        text: Text from any sender.

    Raises:
        ValueError: It is no report; says what was expected, what was found and where.
    """
    if len(text) > MOST_REPORT_CHARACTERS:
        raise ValueError(f"expected at most {MOST_REPORT_CHARACTERS} characters, found {len(text)}")
    report = unseal(text)
    for key, kind in _TEXTS.items():
        _require(key, report.get(key, ""), kind)
    if not 0 < len(report.get("instance", "")) <= _MOST_TEXT:
        raise ValueError("instance: expected a name, found none or too long a one")
    for key in ("errors", "controls"):
        for entry in _require(key, report.get(key, []), list):
            _require(key, entry, str)
    for key in ("own_pauses", "refused_statuses"):
        _require_number(key, report.get(key, 0))
    _check_statistics(_require("figures", report.get("figures", {}), dict))
    return report


def _check_statistics(statistics: Mapping[str, Any]) -> None:
    for part in _PARTS:
        _require(part, statistics.get(part, {}), dict)
    for part in ("experience", "buffers"):
        for name, counts in statistics.get(part, {}).items():
            _require(f"{part}.{name}", counts, dict)
    for name, counts in statistics.get("experience", {}).items():
        for key in ("sent", "received", "lost", "numbered", "up_to"):
            _require_number(f"experience.{name}.{key}", counts.get(key, 0))
    inference = statistics.get("inference", {})
    _require_number("weights_version", inference.get("weights_version", 0), LARGEST_VERSION)
    actuators = _require("actuators", inference.get("actuators", []), list)
    if len(actuators) > MOST_ACTUATORS:
        raise ValueError(f"actuators: expected at most {MOST_ACTUATORS}, found {len(actuators)}")
    for actuator in actuators:
        _check_actuator(_require("actuators", actuator, dict))


def _check_actuator(actuator: Mapping[str, Any]) -> None:
    topic = _require("actuators.topic", actuator.get("topic"), str)
    if len(topic) > _MOST_TEXT or not _TOPIC.fullmatch(topic):
        raise ValueError(f"actuators.topic: expected a topic's name, found {topic[:40]!r}")
    _require("actuators.type", actuator.get("type"), str)
    _require_number("actuators.size", actuator.get("size"), LARGEST_COMMAND)


def _require(place: str, value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(f"{place[:80]}: expected {kind.__name__}, found {str(value)[:40]!r}")
    return value


def _require_number(place: str, value: Any, most: int = 2**63) -> None:
    if type(value) is not int or not 0 <= value <= most:
        raise ValueError(f"{place[:80]}: expected 0 to {most}, found {str(value)[:40]!r}")


LIVE_S = 1.8
"""Three reports' time in s: an instance that was silent for longer does not report now."""

_MOST_INSTANCES = 1000
_MOST_KEPT = 64


class ReceivedReports:
    """The reports of one node; a process of it that is started again is another instance.

    Attributes:
        newest: The newest report; empty before the first.
        instances: Instances seen, oldest first.

    Args:
        clock: Gives a time in s that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.newest: dict[str, Any] = {}
        self.instances: list[str] = []
        self._clock = clock
        self._last: dict[str, tuple[float, str]] = {}

    @property
    def live(self) -> int:
        """Instances that report now: 0 when the node is gone, more than one are too many."""
        return len(self.states(LIVE_S))

    @property
    def silent_s(self) -> float:
        """Since when no instance has reported, in s; 0 before the first report."""
        last = list(self._last.values())
        return self._clock() - max(last)[0] if last else 0.0

    @property
    def restarts(self) -> int:
        """How often the node was started again."""
        return max(0, len(self.instances) - max(1, self.live))

    def states(self, within_s: float) -> list[str]:
        """Life-cycle state of each instance, as its newest report says it, the newest last.

        Args:
            within_s: Instances that were silent for longer are left out.
        """
        now = self._clock()
        return [state for when, state in sorted(self._last.values()) if now - when < within_s]

    def forget(self, states: Collection[str]) -> None:
        """Take the instances that were in one of some states as gone, until they report again."""
        self._last = {one: last for one, last in self._last.items() if last[1] not in states}

    def take(self, text: str) -> bool:
        """Take a report.

        Args:
            text: Text from any sender.

        Returns:
            Whether it is the first one of a node that was started again.

        Raises:
            ValueError: It is no report; says what was expected, what was found and where.
        """
        report = read_report(text)
        instance = report["instance"]
        self.newest = report
        self._last = {**self._last, instance: (self._clock(), report.get("state", ""))}
        if len(self._last) > _MOST_KEPT:
            del self._last[min(self._last, key=self._last.__getitem__)]
        if instance in self.instances:
            return False
        self.instances = [*self.instances, instance][-_MOST_INSTANCES:]
        return len(self.instances) > 1
