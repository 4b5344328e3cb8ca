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

"""The velocity commands in a bag by time, and the differences of a robot's commands from them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.serialization import deserialize_message

from pamiq_ros.offline.bags import Bag, Topic

from .robot import OfflineRobot

_TWISTS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "geometry_msgs/msg/Twist": (Twist, lambda message: message),
    "geometry_msgs/msg/TwistStamped": (TwistStamped, lambda message: message.twist),
}


def is_velocity(topic: Topic | None) -> bool:
    """Return whether a topic has velocity commands."""
    return topic is not None and topic.type in _TWISTS


def axis_values(kind: str, message: Any, axes: Sequence[str]) -> list[float]:
    """Return values of a velocity command in m/s and rad/s.

    Args:
        kind: The message type, such as `geometry_msgs/msg/Twist`.
        message: The message.
        axes: The axes to return, such as `linear.x`.
    """
    twist = _TWISTS[kind][1](message)
    return [
        float(getattr(getattr(twist, part), name))
        for part, name in (axis.split(".") for axis in axes)
    ]


class RecordedCommands:
    """The commands on one topic of a bag, by time.

    Args:
        bag: The bag.
        topic: One of its topics with velocity commands.
        axes: The axes to keep, such as `linear.x`.

    Raises:
        BagError: The bag is damaged.
    """

    def __init__(self, bag: Bag, topic: str, axes: Sequence[str]) -> None:
        kind = bag.topics[topic].type
        self._times: list[int] = []
        self._commands: list[list[float]] = []
        for message in bag.messages([topic]):
            command = deserialize_message(message.data, _TWISTS[kind][0])
            self._times.append(message.time_ns)
            self._commands.append(axis_values(kind, command, axes))

    def before(self, time_ns: int) -> list[float] | None:
        """Return the last command at or before a time in ns since 1970; None before the first."""
        index = bisect_right(self._times, time_ns)
        return self._commands[index - 1] if index else None


class CommandDifferences:
    """Compares the velocity commands in a bag with those of a robot on it.

    Args:
        bag: The bag. Its velocity topics that the robot has actuators on are compared.
        robot: The robot.
    """

    def __init__(self, bag: Bag, robot: OfflineRobot) -> None:
        self._robot = robot
        self._recorded = {
            topic: RecordedCommands(bag, topic, command.names)
            for topic, command in robot.commands.items()
            if is_velocity(bag.topics.get(topic))
        }

    def differences(self, now_ns: int) -> dict[str, float]:
        """Return each axis's difference from the last recorded command, in m/s and rad/s, by name.

        Args:
            now_ns: The bag's time in ns since 1970.
        """
        found = {}
        for topic, recorded in self._recorded.items():
            if (then := recorded.before(now_ns)) is not None:
                command = self._robot.commands[topic]
                for axis, ours, theirs in zip(command.names, command.values, then, strict=True):
                    found[f"command_difference {topic} {axis}"] = abs(ours - theirs)
        return found
