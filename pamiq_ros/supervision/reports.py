"""What a node's report has to look like; looked at once, where it is received."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .sealed import unseal

MOST_ACTUATORS = 64
MOST_CHARACTERS = 1 << 19
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
        text: Text that may come from anybody.

    Raises:
        ValueError: It is no report; says what was expected, what was found and where.
    """
    if len(text) > MOST_CHARACTERS:
        raise ValueError(f"expected at most {MOST_CHARACTERS} characters, found {len(text)}")
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
    _check_figures(_require("figures", report.get("figures", {}), dict))
    return report


def _check_figures(figures: Mapping[str, Any]) -> None:
    for part in _PARTS:
        _require(part, figures.get(part, {}), dict)
    for part in ("experience", "buffers"):
        for name, counts in figures.get(part, {}).items():
            _require(f"{part}.{name}", counts, dict)
    for name, counts in figures.get("experience", {}).items():
        for key in ("sent", "received", "lost", "numbered", "up_to"):
            _require_number(f"experience.{name}.{key}", counts.get(key, 0))
    inference = figures.get("inference", {})
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
