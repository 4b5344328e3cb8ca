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

"""RosRobot: the topic devices of one node, watched and stopped together."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from pamiq_ros.core.devices import (
    CommandPublisher,
    ImageTopic,
    NewestMessage,
    TopicActuator,
    TopicSensor,
)
from pamiq_ros.runtime.histogram import Histogram

from .robot_topics import Ages, RobotSettings, SensorSubscription, command_type, open_actuator

_LAST_STOPS, _LAST_STOP_PERIOD_S = 5, 0.05


class RosRobot:
    """Connects topic devices to a node's topics; a `pamiq_ros.core.devices.Robot`.

    The executor's thread receives. One other thread reads, commands and calls `stale`. Any thread
    may call `stop`.

    Attributes:
        ages: Age of the oldest observation at each call of `stale`, in s.
    """

    def __init__(self, node: Node, settings: RobotSettings | None = None) -> None:
        """Create a robot without devices.

        Args:
            node: The node of the topics.
            settings: Settings of observations and commands.
        """
        self.ages = Histogram()
        self._node = node
        self._settings = settings or RobotSettings()
        self._subscriptions: list[SensorSubscription] = []
        self._publishers: list[CommandPublisher] = []
        self._stale: dict[str, str] = {}

    def open_sensor(self, sensor: TopicSensor) -> NewestMessage:
        """Subscribe the sensor's topic.

        Raises:
            ValueError: Its message type is not installed.
        """
        subscription = SensorSubscription(self._node, sensor)
        self._subscriptions = [*self._open(), subscription]
        return subscription.newest

    def open_actuator(self, actuator: TopicActuator) -> CommandPublisher:
        """Publish the actuator's topic.

        Raises:
            ValueError: Another actuator has the topic, where the two would contradict each other;
                or its message type is not installed.
        """
        topic = self._node.resolve_topic_name(actuator.topic)
        if any(other.topic == topic for other in self._publishers if not other.closed):
            raise ValueError(f"topic '{topic}': expected one actuator, found two")
        publisher = open_actuator(self._node, actuator, self._settings)
        self._publishers.append(publisher)
        return publisher

    def on_observation(self, topic: str, callback: Callable[[], None]) -> None:
        """Call `callback` whenever one sensor has received a new observation.

        The executor's thread calls it when the sensor can read that observation. It must return at
        once (set an event) and raise nothing. The calls end with the sensor's teardown.

        Args:
            topic: The sensor's topic, as the sensor or the node names it. Of several sensors on one
                topic, the first is chosen. Empty: the only image topic, or the only topic.
            callback: The function.

        Raises:
            ValueError: No such sensor is open, or several match; names the open ones.
        """
        self._find(topic).on_observation(callback)

    def missing(self) -> list[str]:
        """Return the full names of the topics without a message so far."""
        return [one.topic for one in self._open() if one.ages() is None]

    def oldest(self) -> tuple[str, float] | None:
        """Return full topic name and age in s of the oldest observation; None if there is none."""
        oldest = self._oldest()
        return None if oldest is None else (oldest[0], self._age_s(oldest[1]))

    def stale(self, limit_s: float) -> str:
        """Return which observation is older than `limit_s` seconds, for the log.

        Returns:
            The topic, its ages and the limit at the time when it first was too old, so that one
            loss of a sensor gives one text; empty if no observation is too old.
        """
        oldest = self._oldest()
        if oldest is None:
            return ""
        topic, ages = oldest
        self.ages.add(self._age_s(ages))
        if self._age_s(ages) <= limit_s:
            self._stale.clear()
            return ""
        return self._stale.setdefault(topic, _explain(topic, ages, limit_s))

    def stop(self) -> None:
        """Command zero on every actuator's topic, at once.

        Raises:
            Exception: The first of those that publishing raised, after all topics were tried.
        """
        errors = []
        for publisher in self._publishers:
            try:
                publisher.stop()
            except Exception as error:  # one broken publisher must not keep the others moving
                errors.append(error)
        if errors:
            raise errors[0]

    def stop_before_closing(self) -> None:
        """Command zero several times, if anything was ever commanded; takes 0.25 s.

        DDS repeats a lost message only while its publisher exists. Without this, a robot whose last
        messages were lost would keep the velocity from before them.
        """
        if not any(self.action_counts().values()):
            return
        for _ in range(_LAST_STOPS):
            self.stop()
            time.sleep(_LAST_STOP_PERIOD_S)

    def action_counts(self) -> dict[str, int]:
        """Return the number of published commands, stops included, by the actuators' topics."""
        counts: Counter[str] = Counter()
        for publisher in self._publishers:
            counts[publisher.actuator.topic] += publisher.count
        return dict(counts)

    def actuators(self) -> list[dict[str, Any]]:
        """Return `topic`, `type`, `size` and `frame_id` of each actuator, for the control node."""
        return [
            {
                "topic": one.topic,
                "type": command_type(one.actuator, self._settings).rpartition("/")[2],
                "size": len(one.names),
                "frame_id": self._settings.frame_id,
            }
            for one in self._publishers
            if not one.closed
        ]

    def close(self) -> None:
        """Command zero, then close every topic; safe to call twice."""
        for publisher in self._publishers:
            publisher.close()
        for subscription in self._subscriptions:
            subscription.close()

    def _open(self) -> list[SensorSubscription]:
        return [one for one in self._subscriptions if not one.closed]

    def _find(self, topic: str) -> SensorSubscription:
        found = self._open()
        topics = ", ".join(sorted({one.topic for one in found})) or "none"
        if topic:
            names = (topic, self._node.resolve_topic_name(topic))
            for one in found:
                if one.topic in names or one.sensor.topic == topic:
                    return one
            raise ValueError(f"topic '{topic}': expected one of the open sensors' ({topics})")
        candidates = [one for one in found if isinstance(one.sensor, ImageTopic)] or found
        if len({one.topic for one in candidates}) != 1:
            raise ValueError(
                "expected a topic, since the system has not just one that could be meant; found "
                f"none; its sensors' topics are {topics}"
            )
        return candidates[0]

    def _oldest(self) -> tuple[str, Ages] | None:
        known = [(s.topic, ages) for s in self._open() if (ages := s.ages()) is not None]
        return max(known, key=lambda pair: self._age_s(pair[1]), default=None)

    def _age_s(self, ages: Ages) -> float:
        return ages.age_s(self._settings.observation_clock)


def _explain(topic: str, ages: Ages, limit_s: float) -> str:
    text = f"topic '{topic}': the newest observation is {ages}, the limit is {limit_s:g} s"
    if ages.reception_s <= limit_s:
        text += "; if its clock is not this machine's, set observation_clock to 'reception'"
    return text
