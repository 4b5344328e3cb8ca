"""Agreement: how far the commands of today are from those that were recorded."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.serialization import deserialize_message

from pamiq_ros.bags import Bag

from .bag_robot import BagRobot

_TWISTS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "geometry_msgs/msg/Twist": (Twist, lambda message: message),
    "geometry_msgs/msg/TwistStamped": (TwistStamped, lambda message: message.twist),
}


class Agreement:
    """The velocity commands in a bag, beside those of a robot on it.

    Args:
        bag: The bag; its velocity commands are those of topics that the robot has actuators on.
        robot: Whose commands are compared.
    """

    def __init__(self, bag: Bag, robot: BagRobot) -> None:
        self._robot = robot
        self._recorded = {
            topic: _commands(bag, topic, robot.axes[topic])
            for topic in robot.commands
            if bag.topics.get(topic) is not None and bag.topics[topic].type in _TWISTS
        }

    def differences(self, now_ns: int) -> dict[str, float]:
        """How far each axis is from the command recorded last before now, in m/s and rad/s.

        Args:
            now_ns: The bag's time, in ns since 1970.
        """
        found = {}
        for topic, (times, commands) in self._recorded.items():
            if index := bisect_right(times, now_ns):
                pairs = zip(self._robot.commands[topic], commands[index - 1], strict=True)
                for axis, (ours, theirs) in zip(self._robot.axes[topic], pairs, strict=True):
                    found[f"command_difference {topic} {axis}"] = abs(ours - theirs)
        return found


def _commands(bag: Bag, topic: str, axes: tuple[str, ...]) -> tuple[list[int], list[list[float]]]:
    kind, twist_of = _TWISTS[bag.topics[topic].type]
    times, commands = [], []
    for message in bag.messages([topic]):
        twist = twist_of(deserialize_message(message.data, kind))
        parts = [axis.split(".") for axis in axes]
        times.append(message.time_ns)
        commands.append([getattr(getattr(twist, part), name) for part, name in parts])
    return times, commands
