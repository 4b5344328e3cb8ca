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

"""Liveliness: the sign of life of a node, and the thread that gives it.

The node asserts that it lives; when it did not for a while, since it died or its interpreter hangs,
the middleware informs the subscribers (https://design.ros2.org/articles/qos_deadline_liveliness_lifespan.html).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import LivelinessPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import Empty

from pamiq_ros.compat import PublisherEventCallbacks, SubscriptionEventCallbacks

LEASE_S = 0.15
"""After this long without a sign of life a node counts as dead or hung."""

PERIOD_S = 0.04
"""From sign to sign."""

_QOS = QoSProfile(
    depth=1,
    reliability=ReliabilityPolicy.RELIABLE,
    liveliness=LivelinessPolicy.MANUAL_BY_TOPIC,
    liveliness_lease_duration=Duration(seconds=LEASE_S),
)


def sign_of_life(node: Node) -> Publisher[Empty]:
    """A publisher of `~/alive`; its `assert_liveliness` is the sign."""
    return node.create_publisher(
        Empty, "~/alive", _QOS, event_callbacks=PublisherEventCallbacks(use_default_callbacks=False)
    )


def watch(
    node: Node, name: str, on_change: Callable[[bool, bool], None], group: CallbackGroup
) -> None:
    """Have `on_change` called when a node of that name appears or dies.

    Args:
        node: Who watches.
        name: The name that is watched, of one node or, by mistake, of several.
        on_change: Called with whether one lives now, and whether one has died.
        group: For the callback.
    """

    def on_event(event: Any) -> None:
        # There is an event, too, when the middleware forgets a dead node, 20 s later. A change of
        # neither count is a node that appeared and died before this was called.
        if event.alive_count_change or not event.not_alive_count_change:
            on_change(event.alive_count > 0, event.alive_count_change < 0)

    node.create_subscription(
        Empty,
        f"{name}/alive",
        lambda _: None,
        _QOS,
        callback_group=group,
        event_callbacks=SubscriptionEventCallbacks(
            liveliness=on_event, use_default_callbacks=False
        ),
    )


class Watchdog:
    """Calls functions again and again; where the interpreter is blocked, it is blocked too.

    Args:
        period_s: Time from call to call in s.
        actions: What to call; must not raise.
    """

    def __init__(self, period_s: float, *actions: Callable[[], object]) -> None:
        self._period, self._actions = period_s, actions
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._ended.wait(self._period):
            for action in self._actions:
                action()
