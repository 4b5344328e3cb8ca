"""The parameters of a node's robot, and the settings made of them."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

from pamiq_ros.core.robot import AXES
from pamiq_ros.robot import AxisLimit, RobotSettings
from pamiq_ros.robot.settings import OBSERVATION_CLOCKS

from .parameters import Parameter

LARGEST = 1000.0

ROBOT_PARAMETERS = (
    Parameter(
        "observation_clock",
        "stamp",
        "What an observation's age is: 'stamp', the larger of the ages by header stamp and by "
        "reception; 'reception', the latter alone, for sensors with a clock of their own",
        choices=OBSERVATION_CLOCKS,
    ),
    Parameter(
        "max_linear_velocity", 1.0, "Largest velocity commanded on an axis in m/s", 0.0, LARGEST
    ),
    Parameter(
        "max_angular_velocity", 1.0, "Largest turn commanded on an axis in rad/s", 0.0, LARGEST
    ),
    Parameter(
        "max_linear_acceleration",
        10.0,
        "Largest change of a linear velocity in m/s²; a stop for safety is not limited",
        0.0,
        LARGEST,
    ),
    Parameter(
        "max_angular_acceleration",
        10.0,
        "Largest change of an angular velocity in rad/s²; a stop for safety is not limited",
        0.0,
        LARGEST,
    ),
    Parameter(
        "twist_stamped",
        False,
        "Publish velocities as TwistStamped instead of Twist",
        read_only=True,
    ),
    Parameter("frame_id", "base_link", "Frame of TwistStamped commands"),
)


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
