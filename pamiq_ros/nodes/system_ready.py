"""SystemReady: whether the system acts, for who shows it something to observe."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

from rclpy.node import Node
from std_msgs.msg import String

from pamiq_ros.supervision.reporter import LATCHED, STATUS_TOPIC

_WAIT_PERIOD_S = 0.1


class SystemReady:
    """Listens to `pamiq/status`.

    Args:
        node: Whose subscription it is.

    Attributes:
        active: Whether the nodes are active now and have their weights.
    """

    def __init__(self, node: Node) -> None:
        self.active = False
        self._node = node
        self._changed = threading.Event()
        node.create_subscription(String, STATUS_TOPIC, self._on_status, LATCHED)

    def wait(self, meanwhile: Callable[[], object], is_ended: Callable[[], bool]) -> None:
        """Wait until the system is active.

        Args:
            meanwhile: Called ten times a second.
            is_ended: Whether not to wait any more.
        """
        self._node.get_logger().info("waiting for the system to be active")
        while not (self.active or is_ended()):
            meanwhile()
            self._changed.wait(_WAIT_PERIOD_S)

    def _on_status(self, message: String) -> None:
        try:
            status = json.loads(message.data)
            inference = status["report"]["inference"]
            weights = [figures["received"] for figures in inference["weights"].values()]
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # no status, or none yet with figures
        self.active = status.get("state") == "active" and all(weights)
        if self.active:
            self._changed.set()
