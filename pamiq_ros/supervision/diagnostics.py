"""DiagnosticsPublisher: a node's statuses on `/diagnostics`, for robot monitors and aggregators."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from pamiq_ros.supervision.diagnosis import Status

from .ros_time import steady_timer

TOPIC = "/diagnostics"
PERIOD_S = 1.0


class DiagnosticsPublisher:
    """Publishes what `statuses()` gives, once a second, from the node's executor.

    A status is called `<node>: <name>`, with the namespace before it where there is one, such as
    `robot1/pamiq_inference: tick`. Its hardware is the host the node runs on.
    """

    def __init__(
        self,
        node: Node,
        statuses: Callable[[], Sequence[Status]],
        group: CallbackGroup | None = None,
    ) -> None:
        """Args: the node, its statuses of now, and the callback group of the timer."""
        self._node = node
        self._statuses = statuses
        self._host = socket.gethostname()
        self._publisher = node.create_publisher(DiagnosticArray, TOPIC, 10)
        steady_timer(node, PERIOD_S, self.publish, group)

    def publish(self) -> None:
        """Publish the statuses of now."""
        array = DiagnosticArray(status=[self._message(status) for status in self._statuses()])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)

    def _message(self, status: Status) -> DiagnosticStatus:
        name = self._node.get_fully_qualified_name().lstrip("/")
        return DiagnosticStatus(
            name=f"{name}: {status.name}",
            hardware_id=self._host,
            level=bytes([status.level]),
            message=status.message,
            values=[KeyValue(key=key, value=value) for key, value in status.values.items()],
        )
