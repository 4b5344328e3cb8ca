"""Our own topics: experience and weights as std_msgs/UInt8MultiArray with transient-local QoS."""

from __future__ import annotations

import array
from collections.abc import Callable

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from std_msgs.msg import UInt8MultiArray

EXPERIENCE = "pamiq/experience"
WEIGHTS = "pamiq/weights"
# A whole version must be kept for a late joiner; 4096 chunks of 1 MiB are the largest version.
LONGEST_WEIGHTS_QUEUE = 4096


def _qos(depth: int) -> QoSProfile:
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


class _Topics:
    """Publishers and subscriptions of payloads under one prefix, closed together."""

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._prefix = prefix
        self._publishers: list[Publisher] = []  # type: ignore[type-arg]
        self._subscriptions: list[Subscription] = []  # type: ignore[type-arg]

    def close(self) -> None:
        """Destroy the publishers and subscriptions."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        self._publishers, self._subscriptions = [], []

    def _publisher(self, name: str, depth: int) -> Callable[[bytes], None]:
        publisher = self._node.create_publisher(
            UInt8MultiArray,
            f"{self._prefix}/{name}",
            _qos(depth),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._publishers.append(publisher)
        # Only an array.array is taken without a check of every element.
        return lambda data: publisher.publish(UInt8MultiArray(data=array.array("B", data)))

    def _subscribe(self, name: str, depth: int, receive: Callable[[bytes], None]) -> None:
        self._subscriptions.append(
            self._node.create_subscription(
                UInt8MultiArray,
                f"{self._prefix}/{name}",
                lambda message: receive(message.data),
                _qos(depth),
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
        )


class ExperienceTopics(_Topics):
    """`pamiq/experience/<buffer>`: batches of steps; `depth` of them wait for a late receiver."""

    def __init__(self, node: Node, depth: int) -> None:
        super().__init__(node, EXPERIENCE)
        self._depth = depth

    def publisher(self, buffer: str) -> Callable[[bytes], None]:
        """A function that publishes one payload of the buffer's topic."""
        return self._publisher(buffer, self._depth)

    def subscribe(self, buffer: str, receive: Callable[[bytes], None]) -> None:
        """Have `receive` called in the executor with each payload of the buffer's topic."""
        self._subscribe(buffer, self._depth, receive)


class WeightsTopics(_Topics):
    """`pamiq/weights/<model>`: weights in chunks, latched: the depth is one whole version."""

    def __init__(self, node: Node) -> None:
        super().__init__(node, WEIGHTS)

    def publisher(self, model: str, chunks: int) -> Callable[[bytes], None]:
        """A function that publishes one chunk; the newest `chunks` stay for late joiners."""
        return self._publisher(model, chunks)

    def subscribe(self, model: str, receive: Callable[[bytes], None]) -> None:
        """Have `receive` called in the executor with each chunk of the model's topic."""
        self._subscribe(model, LONGEST_WEIGHTS_QUEUE, receive)
