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

"""Map commands to actions of a Gymnasium space: one term for each number of an action.

A term is a source, an optional factor and an optional offset, such as `angular.z`,
`angular.z * -1`, `positive(linear.x) * 0.5 + 0.1` or the constant `0.2`. Sources are `linear.x` to
`angular.z` of a twist. `positive(a)` is max(a, 0), `negative(a)` is max(-a, 0).
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
    """A world cannot be made or driven; says where, what was expected and what was found."""


AXES = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
"""The values of a twist command, in order."""

PRESETS = {
    # Steering is -1 for full left, while positive angular.z turns left (REP 103).
    "CarRacing-v3": ("angular.z * -1", "positive(linear.x)", "negative(linear.x)"),
}
"""Terms of environments that need others than the generic ones, by environment id."""

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
        index: Index of the command's value; None for a constant.
        part: `positive`, `negative`, or empty for the value itself.
        scale: Factor.
        offset: Summand.
    """

    index: int | None
    part: str = ""
    scale: float = 1.0
    offset: float = 0.0

    @classmethod
    def parse(cls, text: str) -> ActionTerm:
        """Parse the text of a term.

        Raises:
            WorldError: The text is not a term.
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
        """Return the number for a command."""
        if self.index is None:
            return self.offset
        value = command[self.index]
        if self.part == "positive":
            value = max(value, 0.0)
        elif self.part == "negative":
            value = max(-value, 0.0)
        return self.scale * value + self.offset


class ActionMap:
    """Maps commands to actions inside the action space.

    Attributes:
        names: Names of the values of a command.
    """

    def __init__(
        self, space: gymnasium.Space[Any], terms: Sequence[ActionTerm], names: Sequence[str]
    ) -> None:
        """Make a map.

        Args:
            space: A Box or Discrete action space.
            terms: One for each number of an action, in C order.
            names: Names of the values of a command.

        Raises:
            WorldError: The space is of another kind, or the number of terms does not fit.
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
        """Return the action for a command, clipped to the space.

        Raises:
            WorldError: The number of values is not that of `names`, or a value is not finite.
        """
        if len(command) != len(self.names):
            raise WorldError(f"command: expected {len(self.names)} numbers, found {len(command)}")
        for name, value in zip(self.names, command, strict=True):
            if not math.isfinite(value):
                raise WorldError(f"command: expected a finite {name}, found {value}")
        numbers = np.array([term.value(command) for term in self._terms], dtype=np.float64)
        if isinstance(self._space, gymnasium.spaces.Discrete):
            return _discrete_action(self._space, float(numbers[0]))
        assert isinstance(self._space, gymnasium.spaces.Box)
        return _box_action(self._space, numbers)


def twist_map(env_id: str, space: gymnasium.Space[Any], texts: Sequence[str] = ()) -> ActionMap:
    """Return the map from twists, in the order of AXES.

    Args:
        env_id: The environment's id, for its preset.
        space: Its action space.
        texts: A term for each number of an action; empty for the environment's preset. Without one,
            a Box takes linear.x, angular.z, linear.y, linear.z, angular.x and angular.y in this
            order, where 1 is the bound. A Discrete space takes linear.x, from -1 for the first to 1
            for the last action.

    Raises:
        WorldError: The space or a term cannot be used.
    """
    size = action_size(space)
    if texts:
        return ActionMap(space, [ActionTerm.parse(text) for text in texts], AXES)
    preset = PRESETS.get(env_id, ())
    if isinstance(space, gymnasium.spaces.Box) and len(preset) == size:
        return ActionMap(space, [ActionTerm.parse(text) for text in preset], AXES)
    return ActionMap(space, _generic(space, size), AXES)


def array_map(space: gymnasium.Space[Any]) -> ActionMap:
    """Return the map from arrays that hold the action's own numbers.

    Raises:
        WorldError: The space cannot be used.
    """
    size = action_size(space)
    return ActionMap(
        space, [ActionTerm(i) for i in range(size)], [f"data[{i}]" for i in range(size)]
    )


def action_size(space: gymnasium.Space[Any]) -> int:
    """Return how many numbers an action of the space has.

    Raises:
        WorldError: The space is neither Box nor Discrete.
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
        # Zero stays zero, also if the bounds are not symmetric.
        return ActionTerm(index, "", max(-low, high))
    return ActionTerm(index, "", (high - low) / 2, (high + low) / 2)


def _discrete_action(space: gymnasium.spaces.Discrete[Any], number: float) -> int:
    first = int(space.start)
    return math.floor(min(max(number, first), first + int(space.n) - 1) + 0.5)


def _box_action(
    space: gymnasium.spaces.Box[Any], numbers: npt.NDArray[np.float64]
) -> npt.NDArray[Any]:
    if np.issubdtype(space.dtype, np.integer):
        numbers = np.floor(numbers + 0.5)
    clipped = np.clip(numbers.reshape(space.shape), space.low, space.high)
    return clipped.astype(space.dtype)
