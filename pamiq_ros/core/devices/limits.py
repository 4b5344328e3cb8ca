"""Limits of velocity and acceleration; plain arithmetic, no ROS."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class AxisLimit:
    """Limits of one axis; `math.inf` is no limit, 0 is an axis that may not move.

    Attributes:
        velocity: Largest velocity in either direction, in m/s or rad/s.
        acceleration: Largest change of velocity, speeding up or slowing down, in m/s² or rad/s².

    Raises:
        ValueError: One is negative or NaN.
    """

    velocity: float = math.inf
    acceleration: float = math.inf

    def __post_init__(self) -> None:
        for name in ("velocity", "acceleration"):
            value = getattr(self, name)
            if not value >= 0.0:
                raise ValueError(f"{name}: expected a limit of 0 or more, found {value!r}")


class VelocityLimiter:
    """Keeps a sequence of velocity commands within limits, axis by axis.

    The commands begin at rest, so that the first one is a change from zero.
    """

    def __init__(self, limits: Sequence[AxisLimit]) -> None:
        """Args: limits: One for each value of a command."""
        self._limits = tuple(limits)
        self._last = [0.0] * len(self._limits)

    def limit(self, values: Sequence[float], dt: float) -> list[float]:
        """The nearest command to `values` that is within the limits.

        Args:
            values: Finite velocities, one for each axis.
            dt: Time since the last command in s.

        Returns:
            What to command, which the next call's acceleration counts from.

        Raises:
            ValueError: `dt` is negative or NaN, or there are not as many values as limits.
        """
        if not dt >= 0.0:
            raise ValueError(f"dt: expected 0 or more, found {dt!r}")
        self._last = [
            _nearest(value, last, limit, dt)
            for value, last, limit in zip(values, self._last, self._limits, strict=True)
        ]
        return list(self._last)

    def stop(self) -> list[float]:
        """Be at rest at once: an emergency stop is not ramped.

        Returns:
            Zero for every axis, to command.
        """
        self._last = [0.0] * len(self._limits)
        return list(self._last)


def _nearest(value: float, last: float, limit: AxisLimit, dt: float) -> float:
    target = min(max(value, -limit.velocity), limit.velocity)
    if math.isinf(limit.acceleration):
        return target
    step = limit.acceleration * dt
    return min(max(target, last - step), last + step)
