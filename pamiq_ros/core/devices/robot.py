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

"""Robot: what connects the topic devices of a process to topics, attached once per process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from .actuator import CommandPublisher, TopicActuator
    from .sensor import NewestMessage, TopicSensor


class Robot(Protocol):
    """Connects topic devices to topics."""

    def open_sensor(self, sensor: TopicSensor) -> NewestMessage:
        """Begin to receive the sensor's topic; the messages go into what is returned."""

    def open_actuator(self, actuator: TopicActuator) -> CommandPublisher:
        """Begin to publish the actuator's topic, by what is returned."""


_robot: Robot | None = None


def attach_robot(robot: Robot | None) -> None:
    """Make `robot` the one on which this process's topic devices open; None for none."""
    global _robot
    _robot = robot


def attached_robot() -> Robot | None:
    """Return the process's robot, if there is one."""
    return _robot


def require_robot(device: object, topic: str) -> Robot:
    """Return the process's robot, for a device that opens its topic.

    Raises:
        RuntimeError: There is none.
    """
    if _robot is None:
        raise RuntimeError(
            f"{type(device).__name__} on topic '{topic}': no robot is attached; topic devices work "
            "in the inference node, or after attach_robot(robot)"
        )
    return _robot
