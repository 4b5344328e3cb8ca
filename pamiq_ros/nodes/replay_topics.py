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

"""ReplayTopics: publishes topics of a bag; checks that a system gets all that it observes."""

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

from .bag_qos import for_replay

VELOCITIES = ("geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped")
DISCOVERY_TIMEOUT_S = 5.0

_SETTLED_S = 0.3
_OURS = "/pamiq"


class ReplayTopics:
    """Publishers of the replayed topics.

    Attributes:
        names: Names of the replayed topics in the bag.
        counts: Number of published messages, by full name of the topic.
    """

    def __init__(self, node: Node, bag: Bag, chosen: Sequence[str]) -> None:
        """Create the publishers.

        Args:
            node: The node, with its remappings.
            bag: The bag.
            chosen: Names of topics to replay. Empty: all but velocity commands, topics of pamiq_ros
                and topics that another node publishes.

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
        """Publish a message; return the full name of its topic."""
        publisher = self._publishers[message.topic]
        publisher.publish(message.data)
        self.counts[publisher.topic_name] += 1
        return str(publisher.topic_name)

    def require_observed(self, name: str, is_there: bool, is_ended: Callable[[], bool]) -> None:
        """Check that every topic that a node observes is published; wait until it is subscribed.

        Args:
            name: Name of the node, in our namespace. Nothing is required if it does not run.
            is_there: Whether the node is known to run, so that its discovery is awaited.
            is_ended: Returns whether to stop waiting.

        Raises:
            BagError: Neither the bag nor another node publishes an observed topic.
        """
        observed = self._discovered(name, is_ended) if is_there else self._observed(name)
        offered = {p.topic_name: self._bag.topics[n].type for n, p in self._publishers.items()}
        needed = {
            topic: kind
            for topic, kind in observed.items()
            if topic in offered or not self._node.get_publishers_info_by_topic(topic)
        }
        require(self._bag, offered, needed)
        awaited = [p for p in self._publishers.values() if p.topic_name in observed]
        deadline = time.monotonic() + DISCOVERY_TIMEOUT_S
        while not is_ended() and time.monotonic() < deadline:
            if all(publisher.get_subscription_count() for publisher in awaited):
                return
            time.sleep(0.01)

    def _open(self, topic: Topic, is_chosen: bool) -> None:
        kind = message_class(topic.type)
        if kind is None:
            why = f"{topic.type} is not installed here"
        elif topic.type in VELOCITIES and not is_chosen:
            why = "it would drive a robot; name it in 'topics' to replay it"
        elif _OURS in topic.name and not is_chosen:
            why = "pamiq_ros publishes it; name it in 'topics' to replay it"
        elif not is_chosen and self._others_publish(topic.name):
            why = "another node publishes it"
        else:
            qos = for_replay(topic.qos)
            publisher = self._node.create_publisher(kind, topic.name, qos)
            self._publishers[topic.name] = publisher
            return
        self._node.get_logger().info(f"{topic.name} is not replayed: {why}")

    def _others_publish(self, name: str) -> bool:
        return bool(self._node.get_publishers_info_by_topic(self._node.resolve_topic_name(name)))

    def _discovered(self, name: str, is_ended: Callable[[], bool]) -> dict[str, str]:
        """Wait until the topics that a node observes are known, for five seconds at most.

        DDS discovers a node and each of its subscriptions one after the other.
        """
        observed: dict[str, str] = {}
        began = changed = time.monotonic()
        while not is_ended() and time.monotonic() < began + DISCOVERY_TIMEOUT_S:
            found = self._observed(name)
            if found != observed:
                observed, changed = found, time.monotonic()
            elif observed and time.monotonic() > changed + _SETTLED_S:
                break
            time.sleep(0.01)
        return observed

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
