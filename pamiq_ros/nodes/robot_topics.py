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

"""The robot's topics: subscriptions of sensors, publishers of actuators, and their settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from pamiq_ros.compat import require_message_class
from pamiq_ros.core.devices import (
    AXES,
    CommandPublisher,
    NewestMessage,
    TopicActuator,
    TopicSensor,
    TwistTopic,
)
from pamiq_ros.core.devices.actuator import AxisLimit, Output

_SENSOR_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)
_COMMAND_QOS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE
)
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
    """Return the settings in the node's parameters, which are declared from ROBOT_PARAMETERS."""

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


@dataclass(frozen=True)
class Ages:
    """Two ages of one message.

    Attributes:
        reception_s: Time since it was received, in s.
        stamp_s: The node's clock minus its header stamp, in s; None without a stamp, or while the
            node's clock is simulated and has not begun. Negative when the clocks differ that way.
    """

    reception_s: float
    stamp_s: float | None

    def age_s(self, observation_clock: str) -> float:
        """The age that counts, in s: the larger, or with the clock `reception` that one alone."""
        if observation_clock == "reception" or self.stamp_s is None:
            return self.reception_s
        return max(self.reception_s, self.stamp_s)

    def __str__(self) -> str:
        stamp = "it has no stamp" if self.stamp_s is None else f"{self.stamp_s:.2f} s by its stamp"
        return f"{self.reception_s:.2f} s old by its reception, {stamp}"


class _Reception(NamedTuple):
    stamp_ns: int
    monotonic_ns: int
    simulated_ns: int


class SensorSubscription:
    """The subscription of one sensor: best effort, newest message only, unless overridden.

    Attributes:
        sensor: The sensor it was opened for.
        topic: The topic's full name.
        newest: The newest message, for the sensor.
        closed: Whether the subscription has ended.
    """

    def __init__(self, node: Node, sensor: TopicSensor) -> None:
        """Subscribe the sensor's topic.

        Args:
            node: Whose subscription it is.
            sensor: What is observed.

        Raises:
            ValueError: Its message type is not installed.
        """
        name, kind = sensor.subscription
        self.sensor, self.topic = sensor, node.resolve_topic_name(name)
        self.newest = NewestMessage(sensor, self.topic, self._warn, self.close)
        self.closed = False
        self._node = node
        self._reception: _Reception | None = None
        self._listeners: tuple[Callable[[], None], ...] = ()
        self._subscription = node.create_subscription(
            require_message_class(name, kind),
            name,
            self._receive,
            _SENSOR_QOS,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def on_observation(self, callback: Callable[[], None]) -> None:
        """Have `callback` called in the executor's thread whenever a message was received.

        It is called once the sensor would read that message, must return at once and raise nothing.
        """
        self._listeners = (*self._listeners, callback)

    def ages(self) -> Ages | None:
        """Return how old the newest message is now; None if there is none."""
        newest = self._reception
        if newest is None:
            return None
        clock_ns = self._node.get_clock().now().nanoseconds
        by_stamp = (clock_ns - newest.stamp_ns) / 1e9 if newest.stamp_ns and clock_ns else None
        age_ns = time.monotonic_ns() - newest.monotonic_ns
        if newest.simulated_ns:  # slow simulated time must not make observations look old
            age_ns = max(0, clock_ns - newest.simulated_ns)
        return Ages(age_ns / 1e9, by_stamp)

    def close(self) -> None:
        """End the subscription; safe to call twice."""
        if self.closed:
            return
        self.closed = True
        self._node.destroy_subscription(self._subscription)

    def _receive(self, message: Any) -> None:
        reception = _Reception(_stamp_ns(message), time.monotonic_ns(), self._simulated_ns())
        # In this order: a message that is read is never older than the age that was checked.
        self.newest.receive(lambda: message)
        self._reception = reception
        for listener in self._listeners:
            listener()
        if self._listeners:
            # Whoever was woken gets the interpreter now, not at the end of a switch interval.
            time.sleep(0)

    def _simulated_ns(self) -> int:
        clock: Any = self._node.get_clock()
        return int(clock.now().nanoseconds) if clock.ros_time_is_active else 0

    def _warn(self, text: str) -> None:
        self._node.get_logger().warning(text)


def open_actuator(node: Node, actuator: TopicActuator, settings: RobotSettings) -> CommandPublisher:
    """Publish an actuator's topic: reliable, newest only, unless overridden.

    Raises:
        ValueError: Its message type is not installed.
    """
    is_stamped = _is_stamped(actuator, settings)
    kind = require_message_class(actuator.topic, command_type(actuator, settings))
    publisher = node.create_publisher(
        kind,
        actuator.topic,
        _COMMAND_QOS,
        qos_overriding_options=QoSOverridingOptions.with_default_policies(),
    )
    output = Output(
        new_message=partial(_stamped, kind, node, settings.frame_id) if is_stamped else kind,
        publish=publisher.publish,
        close=partial(node.destroy_publisher, publisher),
        part="twist" if is_stamped else "",
    )
    topic = node.resolve_topic_name(actuator.topic)
    return CommandPublisher(actuator, topic, output, settings.limits, partial(_seconds, node))


def command_type(actuator: TopicActuator, settings: RobotSettings) -> str:
    """Return the type of an actuator's messages, such as `geometry_msgs/msg/Twist`."""
    if _is_stamped(actuator, settings):
        return "geometry_msgs/msg/TwistStamped"
    return actuator.message_type


def _is_stamped(actuator: TopicActuator, settings: RobotSettings) -> bool:
    return isinstance(actuator, TwistTopic) and settings.twist_stamped


def _stamped(kind: Any, node: Node, frame_id: str) -> Any:
    message = kind()
    message.header.stamp = node.get_clock().now().to_msg()
    message.header.frame_id = frame_id
    return message


def _seconds(node: Node) -> float:
    clock: Any = node.get_clock()
    if clock.ros_time_is_active:
        return float(clock.now().nanoseconds) * 1e-9
    return time.monotonic()


def _stamp_ns(message: Any) -> int:
    # 0 without a stamp, or with one that is zero.
    header = getattr(message, "header", None)
    if header is None:
        return 0
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
