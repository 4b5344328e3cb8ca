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

"""Reporter: what a node reports about itself, as a latched report and as diagnostics."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rclpy.lifecycle import LifecycleNode
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from pamiq_ros.supervision.diagnostics import Rises, Status
from pamiq_ros.supervision.node_diagnosis import inference_statuses, node_status, training_statuses
from pamiq_ros.supervision.reports import seal, unseal

from .diagnostics import DiagnosticsPublisher
from .ros_time import steady_timer

LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
STATUS_TOPIC = "pamiq/status"
REPORT_PERIOD_S = 0.5
_MOST_CONTROLS = 256
_LONGEST_ID = 64


class Reporter:
    """Publishes `~/report` (std_msgs/String, sealed JSON, latched) and `/diagnostics`.

    The control node gathers the reports into `pamiq/status`. A report names the instance of the
    node, so that a restarted node is told from the one before it, and the control nodes this one
    has seen, so that a restarted control node learns how many came before it. Messages on
    `pamiq/status` that are no status are counted in it and left alone.
    """

    def __init__(
        self,
        node: LifecycleNode,
        content: Callable[[], Mapping[str, Any]],
        aged_errors: Callable[[], Sequence[tuple[str, float]]],
    ) -> None:
        """Make the publishers; the node is published as it is now with the first `publish`.

        Args:
            node: Whose reporter this is.
            content: Gives `state`, `errors` (texts), `configuration_error`, `statistics`, and more.
            aged_errors: Gives the errors, and how long ago each last happened in s.
        """
        self._node = node
        self._content = content
        self._newest: Mapping[str, Any] = {}
        self._aged_errors = aged_errors
        self._rises = Rises()
        self._instance = uuid.uuid4().hex[:12]
        self._controls: list[str] = []
        self._refused = 0
        self._report = node.create_publisher(String, "~/report", LATCHED)
        self._diagnostics = DiagnosticsPublisher(node, self._statuses)
        self._status = node.create_subscription(String, STATUS_TOPIC, self._on_status, LATCHED)
        steady_timer(node, REPORT_PERIOD_S, self.publish)

    def publish(self) -> None:
        """Publish the report now."""
        self._newest = self._content()
        report = {
            "node": self._node.get_name(),
            "instance": self._instance,
            "controls": self._controls,
            "refused_statuses": self._refused,
            **self._newest,
        }
        self._report.publish(String(data=seal(report)))

    def _on_status(self, message: String) -> None:
        try:
            control = unseal(message.data).get("control")
        except ValueError:
            self._refused += 1
            return
        if not isinstance(control, str) or len(control) > _LONGEST_ID:
            self._refused += 1
        elif control not in self._controls:
            self._controls = [*self._controls, control][-_MOST_CONTROLS:]

    def _statuses(self) -> list[Status]:
        # The report's statistics are half a second old at most; to gather them anew would cost the
        # tick's process as much again.
        content = self._newest or self._content()
        state, statistics = content["state"], content["figures"]
        return [
            node_status(state, content["configuration_error"], self._aged_errors()),
            *inference_statuses(state, statistics, self._rises),
            *training_statuses(state, statistics, self._rises),
        ]
