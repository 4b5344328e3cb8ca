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

"""Topics of pamiq_ros: experience and weights as std_msgs/UInt8MultiArray, transient local."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Callable, Mapping

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.compat import publisher_count
from pamiq_ros.supervision.ros_time import steady_timer
from pamiq_ros.transport import WeightsReceiver
from pamiq_ros.transport.payload import Buffer

EXPERIENCE = "pamiq/experience"
WEIGHTS = "pamiq/weights"
WEIGHTS_REQUEST = "pamiq/weights_request"
# A whole version must be kept for a late joiner; 4096 chunks of 1 MiB are the largest version.
LONGEST_WEIGHTS_QUEUE = 4096

# Encapsulation identifier and options; layout.dim: no dimensions; layout.data_offset; size of data.
_CDR_HEADER = struct.Struct("<4s3I")
_LITTLE_ENDIAN = b"\x00\x01\x00\x00"


def latched(depth: int) -> QoSProfile:
    """Return QoS: reliable; late subscriptions receive the newest `depth` messages."""
    return QoSProfile(
        depth=depth,
        reliability=ReliabilityPolicy.RELIABLE,
        durability=DurabilityPolicy.TRANSIENT_LOCAL,
    )


def serialized(data: Buffer) -> bytes:
    """Return a `UInt8MultiArray` with these bytes, serialized as little-endian CDR.

    rclpy publishes serialized messages as they are. It converts a message object of 1 MB for 30 ms
    and holds the interpreter lock meanwhile, in which the tick would be late.
    """
    return b"".join((_CDR_HEADER.pack(_LITTLE_ENDIAN, 0, 0, len(data)), data))


class _Topics:
    """Publishers and subscriptions of payloads under one prefix, closed together."""

    def __init__(self, node: Node, prefix: str) -> None:
        self._node = node
        self._prefix = prefix
        self._publishers: list[Publisher] = []  # type: ignore[type-arg]
        self._subscriptions: dict[str, Subscription] = {}  # type: ignore[type-arg]

    def close(self) -> None:
        """Destroy the publishers and subscriptions."""
        for publisher in self._publishers:
            self._node.destroy_publisher(publisher)
        for subscription in self._subscriptions.values():
            self._node.destroy_subscription(subscription)
        self._publishers, self._subscriptions = [], {}

    def _publisher(self, name: str, depth: int) -> Callable[[Buffer], None]:
        publisher = self._node.create_publisher(
            UInt8MultiArray,
            f"{self._prefix}/{name}",
            latched(depth),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )
        self._publishers.append(publisher)
        return lambda data: publisher.publish(serialized(data))

    def _subscribe(self, name: str, depth: int, receive: Callable[[bytes], None]) -> None:
        self._subscriptions[name] = self._node.create_subscription(
            UInt8MultiArray,
            f"{self._prefix}/{name}",
            lambda message: receive(message.data),
            latched(depth),
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )


class ExperienceTopics(_Topics):
    """`pamiq/experience/<buffer>`: batches of steps; a late receiver gets the newest `depth`."""

    def __init__(self, node: Node, depth: int) -> None:
        super().__init__(node, EXPERIENCE)
        self._depth = depth

    def publisher(self, buffer: str) -> Callable[[Buffer], None]:
        """Return a function that publishes one payload on the buffer's topic."""
        return self._publisher(buffer, self._depth)

    def subscribe(self, buffer: str, receive: Callable[[bytes], None]) -> None:
        """Call `receive` in the executor with each payload of the buffer's topic."""
        self._subscribe(buffer, self._depth, receive)


class WeightsTopics(_Topics):
    """`pamiq/weights/<model>`, latched: descriptors of shared memory, or weights in chunks.

    Receivers that cannot read the shared memory request chunks on `pamiq/weights_request/<model>`.
    """

    def __init__(self, node: Node) -> None:
        super().__init__(node, WEIGHTS)
        self._requests = _Topics(node, WEIGHTS_REQUEST)

    def close(self) -> None:
        """Destroy the publishers and subscriptions."""
        super().close()
        self._requests.close()

    def publisher(self, model: str, chunks: int) -> Callable[[bytes], None]:
        """Return a function that publishes a payload. Late joiners get one version of `chunks`."""
        return self._publisher(model, chunks + 1)

    def subscribe(self, model: str, receive: Callable[[bytes], None]) -> None:
        """Call `receive` in the executor with each payload of the model's topic."""
        self._subscribe(model, LONGEST_WEIGHTS_QUEUE, receive)

    def is_published(self, model: str) -> bool:
        """Return whether the subscribed weights of a model have a publisher."""
        return publisher_count(self._node, self._subscriptions[model]) > 0

    def requester(self, model: str) -> Callable[[bytes], None]:
        """Return a function that publishes one request for the model's weights in chunks."""
        return self._requests._publisher(model, 1)

    def on_request(self, model: str, receive: Callable[[bytes], None]) -> None:
        """Call `receive` in the executor with each request for the model's weights."""
        self._requests._subscribe(model, 1, receive)


_CHECK_PERIOD_S = 1.0
_MAX_CHECKS = 3


class MissingWeights:
    """Requests weights that have not arrived for three seconds although they have a publisher.

    A latched message should reach late subscribers, but one that was published while the
    subscription was created has been lost in tests.

    Args:
        node: The node, for the timer.
        topics: The topics of the weights.
        receivers: The receiver of each model's weights.
    """

    def __init__(
        self, node: Node, topics: WeightsTopics, receivers: Mapping[str, WeightsReceiver]
    ) -> None:
        self._node, self._topics, self._receivers = node, topics, receivers
        self._checks: Counter[str] = Counter()
        self._timer = steady_timer(node, _CHECK_PERIOD_S, self._check)

    def close(self) -> None:
        """Stop checking."""
        self._node.destroy_timer(self._timer)

    def _check(self) -> None:
        for name, receiver in self._receivers.items():
            if receiver.version == 0 and self._topics.is_published(name):
                self._checks[name] += 1
                if self._checks[name] > _MAX_CHECKS:
                    receiver.request_if_none()
            else:
                self._checks[name] = 0
