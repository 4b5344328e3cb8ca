"""MissingWeights: asks for weights that were published and have not come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from rclpy.node import Node

from pamiq_ros.supervision.ros_time import steady_timer
from pamiq_ros.transport import WeightsReceiver

from .topics import WeightsTopics

_LOOK_S = 1.0
_LOOKS = 3


class MissingWeights:
    """Looks each second who has no weights yet; after three in which somebody published, it asks.

    A latched message comes to who is late, and yet one that was published while the subscription
    was being made has been seen not to.

    Args:
        node: Whose timer it is.
        topics: Those of the weights.
        receivers: The receiver of each model's weights.
    """

    def __init__(
        self, node: Node, topics: WeightsTopics, receivers: Mapping[str, WeightsReceiver]
    ) -> None:
        self._node, self._topics, self._receivers = node, topics, receivers
        self._seen: Counter[str] = Counter()
        self._timer = steady_timer(node, _LOOK_S, self._look)

    def close(self) -> None:
        """Look no more."""
        self._node.destroy_timer(self._timer)

    def _look(self) -> None:
        for name, receiver in self._receivers.items():
            if receiver.version == 0 and self._topics.is_published(name):
                self._seen[name] += 1
                if self._seen[name] > _LOOKS:
                    receiver.ask_if_none()
            else:
                self._seen[name] = 0
