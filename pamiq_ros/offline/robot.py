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

"""OfflineRobot: a robot without topics. It is given messages and keeps the newest commands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pamiq_ros.core.devices import CommandPublisher, NewestMessage, TopicActuator, TopicSensor


class OfflineRobot:
    """A `pamiq_ros.core.devices.Robot` whose time and messages come from a source.

    Attributes:
        now_ns: The source's time in ns since 1970.
        commands: The newest command of each actuator, by full topic name.
        warnings: Warnings about the observations, at most one per sensor.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.commands: dict[str, CommandPublisher] = {}
        self.warnings: list[str] = []
        self._sensors: list[NewestMessage] = []
        self._received_ns: dict[str, int] = {}

    @property
    def observed(self) -> dict[str, str]:
        """Message types of the observed topics, by full name."""
        return {one.topic: one.sensor.subscription[1] for one in self._sensors}

    def open_sensor(self, sensor: TopicSensor) -> NewestMessage:
        """Return the newest message of a sensor's topic; there is none yet."""
        opened = NewestMessage(sensor, _full(sensor.subscription[0]), self.warnings.append)
        self._sensors.append(opened)
        return opened

    def open_actuator(self, actuator: TopicActuator) -> CommandPublisher:
        """Return what keeps an actuator's commands."""
        topic = _full(actuator.topic)
        self.commands[topic] = CommandPublisher(actuator, topic, now=lambda: self.now_ns * 1e-9)
        return self.commands[topic]

    def show(self, topic: str, make_message: Callable[[], Any]) -> None:
        """Make a message the newest of its topic, received now.

        Args:
            topic: Full topic name.
            make_message: Returns the message; called when a sensor reads it.
        """
        for sensor in self._sensors:
            if sensor.topic == topic:
                self._received_ns[topic] = self.now_ns
                sensor.receive(make_message)

    def missing(self) -> list[str]:
        """Return the observed topics without a message so far."""
        return [one.topic for one in self._sensors if one.topic not in self._received_ns]

    def stale(self, limit_s: float) -> str:
        """Return which observation is older than `limit_s` seconds; empty if none is."""
        for sensor in self._sensors:
            age_s = (self.now_ns - self._received_ns.get(sensor.topic, self.now_ns)) * 1e-9
            if age_s > limit_s:
                return f"topic '{sensor.topic}': the newest observation is {age_s:.2f} s old"
        return ""

    def stop(self) -> None:
        """Set all commands to zero."""
        for command in self.commands.values():
            command.stop()


def _full(topic: str) -> str:
    return "/" + topic.lstrip("/")
