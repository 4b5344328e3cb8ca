"""Sinks: an actuator's commands as messages, checked, limited and counted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from geometry_msgs.msg import TwistStamped
from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions

from pamiq_ros.compat import require_message_class
from pamiq_ros.core.devices import (
    ActionError,
    TopicActuator,
    TwistTopic,
    check_command,
)
from pamiq_ros.core.devices.limits import AxisLimit, VelocityLimiter

from .robot_settings import RobotSettings

LONGEST_DT_S = 0.5
"""Acceleration counts over no more than this: by then a base without commands stops by itself."""


class CommandSink:
    """Publishes the commands of one actuator: reliable, newest only, unless overridden.

    Attributes:
        topic: The topic's full name.
        actuator: The actuator it was opened for.
        count: Commands published, stops among them.
        closed: Whether the publisher has ended.
        newest: The newest command, each number by its name.
    """

    def __init__(
        self,
        node: Node,
        actuator: TopicActuator,
        message_type: Any,
        make_message: Callable[[Sequence[float]], Any],
        limits: Sequence[AxisLimit],
    ) -> None:
        """Offer the actuator's topic.

        Args:
            node: Whose topic it is.
            actuator: What is commanded.
            message_type: The topic's message class.
            make_message: Makes a message of the actuator's values.
            limits: One for each of the actuator's values.
        """
        self.topic = node.resolve_topic_name(actuator.topic)
        self.actuator = actuator
        self.count = 0
        self.closed = False
        self.newest = dict.fromkeys(actuator.names, 0.0)
        self._node = node
        self._names = actuator.names
        self._message_type = message_type
        self._make_message = make_message
        self._limiter = VelocityLimiter(limits)
        self._lock = threading.Lock()
        self._last = self._now()
        self._publisher = node.create_publisher(
            message_type,
            actuator.topic,
            QoSProfile(
                history=HistoryPolicy.KEEP_LAST,
                depth=1,
                reliability=ReliabilityPolicy.RELIABLE,
            ),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def write(self, values: Sequence[float]) -> None:
        """Command `values`, as near as the limits allow.

        Raises:
            ActionError: Not finite, of the wrong size, or the sink is closed; nothing was
                published.
        """
        floats = check_command(self.topic, values, self._names)
        with self._lock:
            if self.closed:
                raise ActionError(self.topic, "a command came after the topic was closed")
            now = self._now()
            passed = min(max(0.0, now - self._last), LONGEST_DT_S)
            self._publish(self._limiter.limit(floats, passed), now)

    def stop(self) -> None:
        """Command zero, at once and whatever the limits; does nothing once closed."""
        with self._lock:
            if not self.closed:
                self._publish(self._limiter.stop(), self._now())

    def described(self, frame_id: str) -> dict[str, Any]:
        """The topic's full name, its type's name, and how many values a command has."""
        return {
            "topic": self.topic,
            "type": self._message_type.__name__,
            "size": len(self._names),
            "frame_id": frame_id,
        }

    def close(self) -> None:
        """Command zero and end the publisher; safe to call twice."""
        self.stop()
        with self._lock:
            if not self.closed:
                self.closed = True
                self._node.destroy_publisher(self._publisher)

    def _now(self) -> float:
        clock: Any = self._node.get_clock()
        if clock.ros_time_is_active:
            return float(clock.now().nanoseconds) * 1e-9
        return time.monotonic()

    def _publish(self, values: Sequence[float], now: float) -> None:
        self._publisher.publish(self._make_message(values))
        self.newest = dict(zip(self._names, values, strict=True))
        self._last = now
        self.count += 1


def open_sink(node: Node, actuator: TopicActuator, settings: RobotSettings) -> CommandSink:
    """The sink of an actuator.

    Raises:
        ValueError: Its message type is not installed.
    """
    kind, make = _messages_of(node, actuator, settings)
    limits = [settings.limits.get(name, AxisLimit()) for name in actuator.names]
    return CommandSink(node, actuator, kind, make, limits)


def _messages_of(
    node: Node, actuator: TopicActuator, settings: RobotSettings
) -> tuple[Any, Callable[[Sequence[float]], Any]]:
    if isinstance(actuator, TwistTopic) and settings.twist_stamped:
        return TwistStamped, partial(_stamped, node, actuator, settings.frame_id)
    kind = require_message_class(actuator.topic, actuator.message_type)

    def make(values: Sequence[float]) -> Any:
        message = kind()
        actuator.fill(message, values)
        return message

    return kind, make


def _stamped(
    node: Node, actuator: TwistTopic, frame_id: str, values: Sequence[float]
) -> TwistStamped:
    message = TwistStamped()
    message.header.stamp = node.get_clock().now().to_msg()
    message.header.frame_id = frame_id
    actuator.fill(message.twist, values)
    return message
