"""What the nodes say to each other in lockstep: step by step, each when the one before is done.

A driver (the replay node, or the world node) shows what there is to observe and asks for a step;
the inference node ticks and tells what it commands and which experience it has sent; the training
node receives that, runs its trainers and tells which weights it has published; the next step begins
with these, or, where training goes on beside the steps, the one that asks for the next turn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

from .sealed import seal, unseal

STEP_TOPIC = "pamiq/lockstep/step"
ACTED_TOPIC = "pamiq/lockstep/acted"
TRAINED_TOPIC = "pamiq/lockstep/trained"

_LARGEST = 2**63


@dataclass(frozen=True)
class Step:
    """What the driver asks for.

    Attributes:
        number: From 1 on; 0 asks how ticks begin, and begins none.
        time_ns: The time of the tick on /clock, in ns since 1970.
        heard: Of each topic that was sent to, by full name: how many messages.
        weights: Versions that must have come, by model.
        turn: 1 if the trainers have their turn after it, else 0.
    """

    number: int
    time_ns: int
    heard: Mapping[str, int]
    weights: Mapping[str, int]
    turn: int


@dataclass(frozen=True)
class Acted:
    """What the inference node says after a tick.

    Attributes:
        number: The step's.
        sent: Of each buffer: how many steps have been numbered.
        period_ns: Time from tick to tick; the shortest, where observations make it tick.
        trigger: Full name of the topic whose messages make it tick; empty: the time does.
        commands: The newest command of each topic, by its full name: numbers by their names.
    """

    number: int
    sent: Mapping[str, int]
    period_ns: int
    trigger: str
    commands: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Trained:
    """What the training node says once its trainers had their turn.

    Attributes:
        number: The step's.
        weights: Newest version published, by model.
        updates: Runs of trainers that trained, in all.
        every: After how many steps the trainers have a turn; 0: never.
        beside: 1 if a turn goes on beside the steps up to the next one, else 0.
    """

    number: int
    weights: Mapping[str, int]
    updates: int
    every: int
    beside: int


Message = TypeVar("Message", Step, Acted, Trained)


def to_text(message: Step | Acted | Trained) -> str:
    """A message as sealed JSON."""
    return seal(asdict(message))


def from_text(kind: type[Message], text: str) -> Message:
    """A message from the text of one.

    Raises:
        ValueError: It is none; says what was expected and what was found.
    """
    content = unseal(text)
    values: dict[str, Any] = {}
    for field in fields(kind):
        value = content.get(field.name)
        _CHECKS[str(field.type)](field.name, value)
        values[field.name] = value
    return kind(**values)


def _require_count(name: str, value: object) -> None:
    if type(value) is not int or not 0 <= value < _LARGEST:
        raise ValueError(f"{name}: expected a number from 0 on, found {str(value)[:40]!r}")


def _require_counts(name: str, value: object) -> None:
    if not isinstance(value, dict):
        raise ValueError(f"{name}: expected counts by name, found {str(value)[:40]!r}")
    for key, count in value.items():
        _require_count(f"{name}.{key[:40]}", count)


def _require_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, found {str(value)[:40]!r}")


def _require_commands(name: str, value: object) -> None:
    if not isinstance(value, dict) or not all(isinstance(part, dict) for part in value.values()):
        raise ValueError(f"{name}: expected commands by topic, found {str(value)[:40]!r}")
    for topic, numbers in value.items():
        for axis, number in numbers.items():
            if type(number) is not float or not math.isfinite(number):
                text = f"expected a finite number, found {str(number)[:40]!r}"
                raise ValueError(f"{name}.{topic[:40]}.{axis[:40]}: {text}")


_CHECKS = {
    "int": _require_count,
    "str": _require_text,
    "Mapping[str, int]": _require_counts,
    "Mapping[str, Mapping[str, float]]": _require_commands,
}
