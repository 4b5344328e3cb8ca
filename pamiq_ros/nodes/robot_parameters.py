"""From a node's parameters to the settings of its robot."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node

from pamiq_ros.core.devices import AXES
from pamiq_ros.core.devices.limits import AxisLimit
from pamiq_ros.nodes.robot_settings import RobotSettings


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
