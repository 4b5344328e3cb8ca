"""Reporter: what a node tells of itself, as a latched report, and as diagnostics once a second."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
STATUS_TOPIC = "pamiq/status"
REPORT_PERIOD_S = 0.5
DIAGNOSTICS_PERIOD_S = 1.0


class Reporter:
    """Publishes `~/report` (std_msgs/String, one JSON object, latched) and `/diagnostics`.

    The control node gathers the reports into `pamiq/status`. A report names the instance of the
    node, so that a restarted node is told from the one before it, and the control nodes this one
    has seen, so that a restarted control node learns how many came before it.
    """

    def __init__(self, node: LifecycleNode, content: Callable[[], Mapping[str, Any]]) -> None:
        """Args: `content()` gives the keys `errors` (a list of texts), `figures`, and more."""
        self._node = node
        self._content = content
        self._instance = uuid.uuid4().hex[:12]
        self._controls: list[str] = []
        self._report = node.create_publisher(String, "~/report", LATCHED)
        self._diagnostics = node.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self._status = node.create_subscription(String, STATUS_TOPIC, self._on_status, LATCHED)
        node.create_timer(REPORT_PERIOD_S, self.publish)
        node.create_timer(DIAGNOSTICS_PERIOD_S, self._publish_diagnostics)

    def publish(self) -> None:
        """Publish the report now."""
        report = {
            "node": self._node.get_name(),
            "instance": self._instance,
            "controls": self._controls,
            **self._content(),
        }
        self._report.publish(String(data=json.dumps(report)))

    def _on_status(self, message: String) -> None:
        try:
            control = json.loads(message.data)["control"]
        except (ValueError, KeyError, TypeError):
            return  # not one of ours: somebody else's message on the topic says nothing about us
        if isinstance(control, str) and control not in self._controls:
            self._controls.append(control)

    def _publish_diagnostics(self) -> None:
        content = self._content()
        errors = content["errors"]
        status = DiagnosticStatus(
            name=f"{self._node.get_fully_qualified_name().lstrip('/')}: loop",
            hardware_id=self._node.get_namespace(),
            level=DiagnosticStatus.WARN if errors else DiagnosticStatus.OK,
            message=errors[-1] if errors else content["state"],
            values=[KeyValue(key=k, value=v) for k, v in _flat("", content["figures"])],
        )
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._diagnostics.publish(array)


def _flat(prefix: str, value: Any) -> list[tuple[str, str]]:
    if not isinstance(value, Mapping):
        return [(prefix, str(value))]
    rows: list[tuple[str, str]] = []
    for key, nested in value.items():
        rows += _flat(f"{prefix}.{key}" if prefix else str(key), nested)
    return rows
