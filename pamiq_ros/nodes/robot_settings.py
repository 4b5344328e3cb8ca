"""RobotSettings: how the robot is watched and commanded, from a node's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rclpy.node import Node

from pamiq_ros.core.devices import AXES
from pamiq_ros.core.devices.limits import AxisLimit

OBSERVATION_CLOCKS = ("stamp", "reception")


@dataclass(frozen=True)
class RobotSettings:
    """How the robot is watched and commanded.

    Attributes:
        observation_clock: What an observation's age is: `stamp`, the larger of the age by its
            header stamp on the node's clock and the age by its reception; `reception`, the latter
            alone, for sensors whose clock is not this machine's.
        twist_stamped: Whether velocities are published as TwistStamped instead of Twist.
        frame_id: Frame of TwistStamped commands.
        limits: Limits by axis (`linear.x` …); an axis that is missing is not limited.

    Raises:
        ValueError: An unknown clock or axis.
    """

    observation_clock: str = "stamp"
    twist_stamped: bool = False
    frame_id: str = "base_link"
    limits: Mapping[str, AxisLimit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.observation_clock not in OBSERVATION_CLOCKS:
            raise ValueError(
                f"observation_clock: expected one of {', '.join(OBSERVATION_CLOCKS)}, "
                f"found {self.observation_clock!r}"
            )
        for axis in self.limits:
            if axis not in AXES:
                raise ValueError(f"limits: expected axes of {', '.join(AXES)}, found {axis!r}")


def robot_settings(node: Node) -> RobotSettings:
    """The settings that the node's parameters, declared from ROBOT_PARAMETERS, hold now."""

    def value(name: str) -> Any:
        return node.get_parameter(name).value

    limits = {
        part: AxisLimit(value(f"max_{part}_velocity"), value(f"max_{part}_acceleration"))
        for part in ("linear", "angular")
    }
    return RobotSettings(
        observation_clock=value("observation_clock"),
        twist_stamped=value("twist_stamped"),
        frame_id=value("frame_id"),
        limits={axis: limits[axis.split(".")[0]] for axis in AXES},
    )
