"""How nodes in lockstep speak with each other: the topics of `control.lockstep`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from pamiq_ros.supervision.lockstep import Acted, Step, Trained, from_text, to_text

FLUSH_S = 60.0
"""Longest to wait until what is to be sent in a step is sent, in s."""

_QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
Message = TypeVar("Message", Step, Acted, Trained)


def say(node: Node, topic: str) -> Callable[[Step | Acted | Trained], None]:
    """A function that publishes messages of lockstep."""
    publisher: Publisher[String] = node.create_publisher(String, topic, _QOS)
    return lambda message: publisher.publish(String(data=to_text(message)))


def hear(
    node: Node, topic: str, kind: type[Message], receive: Callable[[Message], object]
) -> Callable[[], object]:
    """Have `receive` called with each message; gives a function that ends it."""

    def on_message(message: String) -> None:
        try:
            content = from_text(kind, message.data)
        except ValueError as error:
            text = f"{topic}: refused a message: {error}"
            node.get_logger().warning(text, throttle_duration_sec=1.0)
            return
        receive(content)

    subscription = node.create_subscription(String, topic, on_message, _QOS)
    return lambda: node.destroy_subscription(subscription)
