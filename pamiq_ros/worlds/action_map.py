"""Commands to actions of a Gymnasium space: one term for each number of an action.

A term is written as a source, an optional factor and an optional offset, such as `angular.z`,
`angular.z * -1`, `positive(linear.x) * 0.5 + 0.1` or the constant `0.2`. Sources are `linear.x` to
`angular.z` of a twist; `positive(a)` is a where a is above zero and else zero, `negative(a)` is -a
where a is below zero and else zero.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt


class WorldError(ValueError):
    """Says what was expected, what was found and where."""


AXES = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
"""The values of a twist command, in this order."""

PRESETS = {
    # Steering is -1 for full left, while positive angular.z turns left (REP 103).
    "CarRacing-v3": ("angular.z * -1", "positive(linear.x)", "negative(linear.x)"),
}
"""Terms for environments of which more is known than their space; by environment id."""

_GENERIC_ORDER = ("linear.x", "angular.z", "linear.y", "linear.z", "angular.x", "angular.y")
_NUMBER = r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?"
_AXIS = r"(?:linear|angular)\.[xyz]"
_TERM = re.compile(
    rf"(?:(?P<part>positive|negative)\((?P<inner>{_AXIS})\)|(?P<axis>{_AXIS}))"
    rf"(?:\s*\*\s*(?P<scale>-?{_NUMBER}))?"
    rf"(?:\s*(?P<sign>[+-])\s*(?P<offset>{_NUMBER}))?"
)
_CONSTANT = re.compile(rf"-?{_NUMBER}")


@dataclass(frozen=True)
class ActionTerm:
    """One number of an action: scale * part(value) + offset.

    Attributes:
        index: Which of the command's values; None for a constant.
        part: `positive`, `negative`, or empty for the value as it is.
        scale: Factor.
        offset: Summand.
    """

    index: int | None
    part: str = ""
    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def parse(cls, text: str) -> ActionTerm:
        """Read the text form of a term.

        Raises:
            WorldError: It is not one; says what is.
        """
        stripped = text.strip()
        match = _TERM.fullmatch(stripped)
        if match is None and not _CONSTANT.fullmatch(stripped):
            raise WorldError(
                "action_map: expected terms such as 'angular.z * -1', 'positive(linear.x) * 0.5 + "
                f"0.1' or '0.2', with axes of {', '.join(AXES)}; found {text!r}"
            )
        if match is None:
            term = cls(None, offset=float(stripped))
        else:
            index = AXES.index(match["axis"] or match["inner"])
            offset = float((match["sign"] or "") + (match["offset"] or "0"))
            term = cls(index, match["part"] or "", float(match["scale"] or "1"), offset)
        if not (math.isfinite(term.scale) and math.isfinite(term.offset)):
            raise WorldError(f"action_map: expected finite numbers, found {text!r}")
        return term

    def value(self, command: Sequence[float]) -> float:
        """The number for a command."""
        if self.index is None:
            return self.offset
        value = command[self.index]
        if self.part == "positive":
            value = max(value, 0.0)
        elif self.part == "negative":
            value = max(-value, 0.0)
        return self.scale * value + self.offset


class ActionMap:
    """Makes actions of commands, always inside the action space.

    Attributes:
        names: What each value of a command is.
    """

    def __init__(
        self, space: gymnasium.Space[Any], terms: Sequence[ActionTerm], names: Sequence[str]
    ) -> None:
        """Check that the terms fit the space.

        Args:
            space: A Box or Discrete action space.
            terms: One for each number of an action, in C order.
            names: What each value of a command is.

        Raises:
            WorldError: Another space, or another number of terms.
        """
        size = action_size(space)
        if len(terms) != size:
            raise WorldError(
                f"action_map: expected {size} terms for the action space {space}, "
                f"found {len(terms)}"
            )
        self.names = tuple(names)
        self._space = space
        self._terms = tuple(terms)

    def action(self, command: Sequence[float]) -> Any:
        """The action for a command, clipped to the space.

        Raises:
            WorldError: Another number of values than `names`, or one that is not finite.
        """
        if len(command) != len(self.names):
            raise WorldError(f"command: expected {len(self.names)} numbers, found {len(command)}")
        for name, value in zip(self.names, command, strict=True):
            if not math.isfinite(value):
                raise WorldError(f"command: expected a finite {name}, found {value}")
        numbers = np.array([term.value(command) for term in self._terms], dtype=np.float64)
        if isinstance(self._space, gymnasium.spaces.Discrete):
            return _discrete(self._space, float(numbers[0]))
        assert isinstance(self._space, gymnasium.spaces.Box)
        return _boxed(self._space, numbers)


def twist_map(env_id: str, space: gymnasium.Space[Any], texts: Sequence[str] = ()) -> ActionMap:
    """The map from a twist, in the order of AXES.

    Args:
        env_id: The environment, for its preset.
        space: Its action space.
        texts: A term for each number of an action; empty for the environment's preset. Without one,
            a Box takes linear.x, angular.z, linear.y, linear.z, angular.x and angular.y in this
            order, 1 being the bound; a Discrete space of n takes linear.x, -1 the first and 1 the
            last action.

    Raises:
        WorldError: A space or term that can't be used.
    """
    size = action_size(space)
    if texts:
        return ActionMap(space, [ActionTerm.parse(text) for text in texts], AXES)
    preset = PRESETS.get(env_id, ())
    if isinstance(space, gymnasium.spaces.Box) and len(preset) == size:
        return ActionMap(space, [ActionTerm.parse(text) for text in preset], AXES)
    return ActionMap(space, _generic(space, size), AXES)


def array_map(space: gymnasium.Space[Any]) -> ActionMap:
    """The map from an array that holds the action's own numbers.

    Raises:
        WorldError: A space that can't be used.
    """
    size = action_size(space)
    return ActionMap(
        space, [ActionTerm(i) for i in range(size)], [f"data[{i}]" for i in range(size)]
    )


def action_size(space: gymnasium.Space[Any]) -> int:
    """How many numbers an action of the space has.

    Raises:
        WorldError: Neither a Box nor a Discrete space.
    """
    if isinstance(space, gymnasium.spaces.Discrete):
        return 1
    if isinstance(space, gymnasium.spaces.Box):
        return math.prod(space.shape)
    raise WorldError(f"action space: expected a Box or Discrete space, found {space}")


def _generic(space: gymnasium.Space[Any], size: int) -> list[ActionTerm]:
    if isinstance(space, gymnasium.spaces.Discrete):
        half = (int(space.n) - 1) / 2
        return [ActionTerm(AXES.index("linear.x"), "", half, half + int(space.start))]
    assert isinstance(space, gymnasium.spaces.Box)
    if size > len(_GENERIC_ORDER):
        raise WorldError(
            f"action_map: a twist has {len(_GENERIC_ORDER)} axes and the action space {space} "
            f"{size} numbers: expected `action_map`, or the parameter command as 'array'"
        )
    bounds = zip(space.low.flatten(), space.high.flatten(), _GENERIC_ORDER, strict=False)
    return [_generic_term(float(low), float(high), axis) for low, high, axis in bounds]


def _generic_term(low: float, high: float, axis: str) -> ActionTerm:
    index = AXES.index(axis)
    if not (math.isfinite(low) and math.isfinite(high)):
        return ActionTerm(index)
    if low <= 0.0 <= high:
        # Zero commands zero, also where the bounds are not symmetric.
        return ActionTerm(index, "", max(-low, high))
    return ActionTerm(index, "", (high - low) / 2, (high + low) / 2)


def _discrete(space: gymnasium.spaces.Discrete[Any], number: float) -> int:
    first = int(space.start)
    return math.floor(min(max(number, first), first + int(space.n) - 1) + 0.5)


def _boxed(space: gymnasium.spaces.Box[Any], numbers: npt.NDArray[np.float64]) -> npt.NDArray[Any]:
    if np.issubdtype(space.dtype, np.integer):
        numbers = np.floor(numbers + 0.5)
    clipped = np.clip(numbers.reshape(space.shape), space.low, space.high)
    return clipped.astype(space.dtype)
