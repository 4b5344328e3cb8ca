"""ReplayTopics: which topics of a bag are published again, and whether a system needs others."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from rclpy.node import Node
from rclpy.publisher import Publisher

from pamiq_ros.compat import message_class
from pamiq_ros.offline.bags import Bag, BagError, Recorded, Topic, require
from pamiq_ros.supervision.reporter import STATUS_TOPIC

from .bag_qos import to_offer

VELOCITIES = ("geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped")
HEARD_WITHIN_S = 5.0
_OURS = "/pamiq"


class ReplayTopics:
    """Publishers of what is replayed.

    Attributes:
        names: Names of the topics that are replayed, as the bag has them.
        counts: How many messages were published, by full name of the topic.
    """

    def __init__(self, node: Node, bag: Bag, chosen: Sequence[str]) -> None:
        """Offer the topics.

        Args:
            node: Whose publishers these are, with its remappings.
            bag: What is replayed.
            chosen: The topics wanted; none for all but velocity commands, those of pamiq_ros, and
                what somebody else publishes now.

        Raises:
            BagError: A chosen topic is not in the bag.
        """
        self.counts: Counter[str] = Counter()
        self._node, self._bag = node, bag
        if unknown := sorted({*chosen} - {*bag.topics}):
            known = ", ".join(sorted(bag.topics))
            raise BagError(
                f"parameter 'topics': expected topics of the bag ({known}), "
                f"found {', '.join(unknown)}"
            )
        self._publishers: dict[str, Publisher[Any]] = {}
        for topic in sorted(bag.topics.values(), key=lambda topic: topic.name):
            if topic.name in chosen or not chosen:
                self._open(topic, bool(chosen))
        self.names = list(self._publishers)

    def publish(self, message: Recorded) -> str:
        """Publish a message; gives the full name of its topic now."""
        publisher = self._publishers[message.topic]
        publisher.publish(message.data)
        self.counts[publisher.topic_name] += 1
        return str(publisher.topic_name)

    def require_observed(self, name: str, is_ended: Callable[[], bool]) -> None:
        """Make sure that a node is given what it observes, and wait until it would hear it.

        Args:
            name: The node, in our own namespace; nothing is required if it is not there.
            is_ended: Whether not to wait any more.

        Raises:
            BagError: The bag lacks something, which nobody else publishes either.
        """
        observed = self._observed(name)
        offered = {p.topic_name: self._bag.topics[n].type for n, p in self._publishers.items()}
        needed = {
            topic: kind
            for topic, kind in observed.items()
            if topic in offered or not self._node.get_publishers_info_by_topic(topic)
        }
        require(self._bag, offered, needed)
        heard = [p for p in self._publishers.values() if p.topic_name in observed]
        deadline = time.monotonic() + HEARD_WITHIN_S
        while not is_ended() and time.monotonic() < deadline:
            if all(publisher.get_subscription_count() for publisher in heard):
                return
            time.sleep(0.01)

    def _open(self, topic: Topic, is_chosen: bool) -> None:
        kind = message_class(topic.type)
        if kind is None:
            why = f"{topic.type} is not installed here"
        elif topic.type in VELOCITIES and not is_chosen:
            why = "it would drive a robot; name it in 'topics' if it shall"
        elif _OURS in topic.name and not is_chosen:
            why = "it is of pamiq_ros; name it in 'topics' if it shall be"
        elif not is_chosen and self._others_publish(topic.name):
            why = "somebody publishes it now"
        else:
            qos = to_offer(topic.qos)
            publisher = self._node.create_publisher(kind, topic.name, qos)
            self._publishers[topic.name] = publisher
            return
        self._node.get_logger().info(f"{topic.name} is not replayed: {why}")

    def _others_publish(self, name: str) -> bool:
        return bool(self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(name)))

    def _observed(self, name: str) -> dict[str, str]:
        node, namespace = self._node, self._node.get_namespace()
        if (name, namespace) not in node.get_node_names_and_namespaces():
            return {}
        pamiq = node.resolve_topic_name(STATUS_TOPIC).rpartition("/")[0]
        ours = (f"{pamiq}/", "/clock", "/parameter_events")
        return {
            topic: kinds[0]
            for topic, kinds in node.get_subscriber_names_and_types_by_node(name, namespace)
            if not topic.startswith(ours)
        }
