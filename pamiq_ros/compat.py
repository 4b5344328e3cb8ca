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

"""What differs between Humble, Jazzy, Kilted and Lyrical, and what rclpy and rosidl keep private.

A difference is recognised by the missing feature, not by the name of a distribution.
test/nodes/test_compat.py runs this module against the names that each distribution has.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.subscription import Subscription

try:
    from rclpy.event_handler import PublisherEventCallbacks, SubscriptionEventCallbacks
except ImportError:  # Humble
    from rclpy.qos_event import PublisherEventCallbacks, SubscriptionEventCallbacks

try:
    from rclpy.clock_type import ClockType
except ImportError:  # Humble
    from rclpy.clock import ClockType  # type: ignore[attr-defined]

__all__ = [
    "ClockType",
    "PublisherEventCallbacks",
    "SubscriptionEventCallbacks",
    "current_state",
    "message_class",
    "parameter_overrides",
    "publisher_count",
    "require_message_class",
]


_MESSAGE_TYPE = re.compile(r"([A-Za-z][A-Za-z0-9_]*)/msg/([A-Za-z][A-Za-z0-9]*)")


def message_class(kind: str) -> Any | None:
    """Return the class of messages of a type; rosidl_runtime_py, which has it, is not everywhere.

    Args:
        kind: Such as `sensor_msgs/msg/Image`.

    Returns:
        None where the package is not installed, or has no such message.
    """
    if (parts := _MESSAGE_TYPE.fullmatch(kind)) is None:
        return None
    try:
        return getattr(importlib.import_module(f"{parts[1]}.msg"), parts[2], None)
    except ImportError:
        return None


def require_message_class(topic: str, kind: str) -> Any:
    """Return the class of messages of a device's topic.

    Raises:
        ValueError: There is none; names the topic and the type.
    """
    found = message_class(kind)
    if found is None:
        raise ValueError(
            f"topic '{topic}': expected the type of an installed message, such as "
            f"'sensor_msgs/msg/Imu', found '{kind}'"
        )
    return found


def publisher_count(node: Node, subscription: Subscription[Any]) -> int:
    """Return how many publishers the subscription is connected to.

    Humble only knows how many the topic has, among them those whose QoS does not fit.

    Args:
        node: Whose subscription it is.
        subscription: The subscription.
    """
    if hasattr(subscription, "get_publisher_count"):
        return int(subscription.get_publisher_count())
    return int(node.count_publishers(subscription.topic_name))


def parameter_overrides(node: Node) -> Mapping[str, Parameter[Any]]:
    """Return what the user gave the node as parameters, of whatever type, by name."""
    given: Mapping[str, Parameter[Any]] = node._parameter_overrides
    return given


def current_state(node: LifecycleNode) -> str:
    """Return the label of the life-cycle state that a node is in, such as `active`."""
    return str(node._state_machine.current_state[1])
