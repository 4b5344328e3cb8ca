"""The channels of a bag: each number of each topic that a sensor could observe, over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.serialization import deserialize_message

from pamiq_ros.compat import message_class
from pamiq_ros.core.devices import (
    AXES,
    ImageTopic,
    ImuTopic,
    LaserScanTopic,
    OdometryTopic,
    TopicSensor,
)
from pamiq_ros.offline.bags import Bag

Values = npt.NDArray[np.float64]
MOST_PIXELS = 64
"""So many pixels of each picture are looked at, spread evenly."""


def channels_of(bag: Bag) -> dict[str, dict[str, Values]]:
    """What was recorded of each channel, by topic and name; topics of pamiq_ros are left out.

    Raises:
        BagError: The bag is damaged.
    """
    kinds: dict[str, Any] = {
        topic.name: message_class(topic.type)
        for topic in bag.topics.values()
        if topic.type in _READERS and "/pamiq" not in topic.name
    }
    found: dict[str, dict[str, list[Any]]] = {name: {} for name in kinds}
    for message in bag.messages([name for name, kind in kinds.items() if kind is not None]):
        content = deserialize_message(message.data, kinds[message.topic])
        for name, value in _READERS[message.type](content).items():
            found[message.topic].setdefault(name, []).append(value)
    return {
        topic: {
            name: np.concatenate([np.ravel(v) for v in values]).astype(np.float64)
            for name, values in rows.items()
        }
        for topic, rows in found.items()
        if rows
    }


def _ignore(_: str) -> None:
    """Pictures of any size will do."""


def _picture(compressed: bool) -> Callable[[Any], dict[str, Any]]:
    side = int(MOST_PIXELS**0.5)
    sensor = ImageTopic("picture", side, side, "rgb8", compressed)

    def read(message: Any) -> dict[str, Any]:
        planes = sensor.decode(message, _ignore)
        return dict(zip(("red", "green", "blue"), planes.numpy(), strict=True))

    return read


def _observed(sensor: TopicSensor, names: tuple[str, ...]) -> Callable[[Any], dict[str, Any]]:
    def read(message: Any) -> dict[str, Any]:
        values = sensor.decode(message, _ignore).tolist()
        return dict(zip(names, values, strict=True))

    return read


def _scan(message: Any) -> dict[str, Any]:
    sensor = LaserScanTopic("scan", max(1, len(message.ranges)))
    return {"range": sensor.decode(message, _ignore).numpy()}


def _joints(message: Any) -> dict[str, Any]:
    return {
        f"{joint} {field}": value
        for field in ("position", "velocity", "effort")
        for joint, value in zip(message.name, getattr(message, field), strict=False)
    }


def _twist(twist: Any) -> dict[str, Any]:
    return {
        axis: getattr(getattr(twist, part), name)
        for axis, (part, name) in ((axis, axis.split(".")) for axis in AXES)
    }


_XYZ, _XYZW = ("x", "y", "z"), ("x", "y", "z", "w")
_IMU = (
    *(f"orientation.{n}" for n in _XYZW),
    *(f"angular_velocity.{n}" for n in _XYZ),
    *(f"linear_acceleration.{n}" for n in _XYZ),
)
_ODOMETRY = (
    *(f"position.{n}" for n in _XYZ),
    *(f"orientation.{n}" for n in _XYZW),
    *(f"linear.{n}" for n in _XYZ),
    *(f"angular.{n}" for n in _XYZ),
)
_READERS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "sensor_msgs/msg/Image": _picture(compressed=False),
    "sensor_msgs/msg/CompressedImage": _picture(compressed=True),
    "sensor_msgs/msg/Imu": _observed(ImuTopic("imu"), _IMU),
    "nav_msgs/msg/Odometry": _observed(OdometryTopic("odom"), _ODOMETRY),
    "sensor_msgs/msg/LaserScan": _scan,
    "sensor_msgs/msg/JointState": _joints,
    "geometry_msgs/msg/Twist": _twist,
    "geometry_msgs/msg/TwistStamped": lambda message: _twist(message.twist),
    "std_msgs/msg/Float32": lambda message: {"data": message.data},
    "std_msgs/msg/Float32MultiArray": lambda message: {
        f"element {index}": value for index, value in enumerate(message.data)
    },
}
