"""WorldTopics: publishes what a world shows."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import MultiArrayDimension

from pamiq_ros.core.devices.topic import require_message_class
from pamiq_ros.worlds import Outcome
from pamiq_ros.worlds.messages import FLOATS, IMAGE, WorldMessages

SENSOR_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
EVENT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)


class WorldTopics:
    """Publishers of observation, reward, outcome and ended episodes.

    Args:
        node: Whose publishers these are.
        encoding: Of the pictures; empty if observations are vectors.
        frame_id: Frame of the pictures.
    """

    def __init__(self, node: Node, encoding: str, frame_id: str) -> None:
        self._messages, self._frame_id = WorldMessages(encoding), frame_id
        observation = next(iter(self._messages.types))
        self._publishers = {}
        for topic, kind in self._messages.types.items():
            self._publishers[topic] = node.create_publisher(
                require_message_class(topic, kind),
                topic,
                SENSOR_QOS if topic == observation else EVENT_QOS,
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )

    def publish(self, outcome: Outcome, stamp: Any) -> None:
        """Publish what a step gave.

        Args:
            outcome: What it gave.
            stamp: Its time, a builtin_interfaces/Time.
        """
        for topic, fill in self._messages.after(outcome).items():
            publisher = self._publishers[topic]
            message = publisher.msg_type()
            fill(message)
            kind = self._messages.types[topic]
            if kind == IMAGE:
                message.header.stamp, message.header.frame_id = stamp, self._frame_id
            elif kind == FLOATS:
                size = len(message.data)
                message.layout.dim = [MultiArrayDimension(label=topic, size=size, stride=size)]
            publisher.publish(message)
