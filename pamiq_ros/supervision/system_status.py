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

"""SystemStatus: the latched `pamiq/status`, from what the control node knows of the others."""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from std_msgs.msg import String

from pamiq_ros.supervision.claims import Rivals
from pamiq_ros.supervision.diagnostics import Rises, Status
from pamiq_ros.supervision.lifecycle import ACTIVE
from pamiq_ros.supervision.node_diagnosis import system_status
from pamiq_ros.supervision.reports import seal
from pamiq_ros.supervision.status import INFERENCE, TRAINING, gather_report, remedies, system_state

from .diagnostics import DiagnosticsPublisher
from .managed_client import ManagedClient
from .reporter import LATCHED, STATUS_TOPIC
from .robot_guard import RobotStop


class SystemStatus:
    """Gathers and publishes the status and the system's diagnostics.

    Attributes:
        wanted: The life-cycle state that all managed nodes should be in.
        paused_by: The node that paused the system by itself; empty when none has.
        rivals: The other control nodes that publish statuses.
    """

    def __init__(
        self,
        node: Node,
        clients: Mapping[str, ManagedClient],
        robot_stop: RobotStop,
        errors: Sequence[str],
        group: CallbackGroup,
    ) -> None:
        """Make the publishers.

        Args:
            node: The control node.
            clients: The managed nodes by name.
            robot_stop: Whose stops are counted, and which needs the robot's actuators.
            errors: What is wrong with the control node's own configuration.
            group: For the diagnostics.
        """
        self.wanted = ACTIVE
        self.paused_by = ""
        self._node, self._nodes, self._robot_stop = node, clients, robot_stop
        self._errors = list(errors)
        self._id = uuid.uuid4().hex[:12]
        self.rivals = Rivals(self._id, time.time_ns())
        self._began = time.monotonic()
        self._first_active: float | None = None
        self._newest: dict[str, Any] = {}
        self._rises = Rises()
        self._publisher = node.create_publisher(String, STATUS_TOPIC, LATCHED)
        node.create_subscription(
            String,
            STATUS_TOPIC,
            lambda message: self.rivals.receive(message.data),
            LATCHED,
            callback_group=group,
        )
        self._diagnostics = DiagnosticsPublisher(node, self._statuses, group)

    def publish(self) -> None:
        """Publish the status as it is now."""
        state = self.state()
        if state == "active" and self._first_active is None:
            self._first_active = time.monotonic()
            self.rivals.driven = True
        report = self.report()
        states = self._states()
        configuration = [*self._errors, *(c.configuration_error for c in self._nodes.values())]
        self._newest = {
            "state": state,
            "control": self._id,
            "claim": self.rivals.claim(socket.gethostname(), os.getpid()),
            "uptime_s": round(time.monotonic() - self._began, 3),
            "nodes": {
                name: {"state": states[name], "restarts": client.restarts}
                for name, client in self._nodes.items()
            },
            "last_error": report["errors"][-1] if report["errors"] else "",
            "errors": report["errors"],
            "remedies": remedies(
                states,
                {name: client.failure for name, client in self._nodes.items()},
                self._reports(),
                self.paused_by,
            ),
            "configuration_error": "; ".join(dict.fromkeys(filter(None, configuration))),
            "report": report,
        }
        self._publisher.publish(String(data=seal(self._newest)))

    def state(self) -> str:
        """The whole in one word, see `system_state`."""
        failed = bool(self._errors) or any(c.failure or c.lost for c in self._nodes.values())
        return system_state(self._states(), self.wanted, failed)

    def report(self) -> dict[str, Any]:
        """What the nodes measured, see `gather_report`."""
        restarts = {
            "inference": self._nodes[INFERENCE].restarts,
            "training": self._nodes[TRAINING].restarts,
            "control": max(
                (len(set(c.report.get("controls", [])) - {self._id}) for c in self._nodes.values()),
                default=0,
            ),
        }
        since = time.monotonic() - self._first_active if self._first_active is not None else 0.0
        report = gather_report(self._reports(), restarts, since)
        self._robot_stop.know(report["inference"].get("actuators", []))
        report["robot_stops"] = self._robot_stop.count
        report["errors"] = [*self._problems(), *report["errors"]]
        return report

    def _states(self) -> dict[str, str]:
        return {name: "lost" if c.lost else c.state for name, c in self._nodes.items()}

    def _reports(self) -> dict[str, dict[str, Any]]:
        return {name: client.report for name, client in self._nodes.items()}

    def _problems(self) -> list[str]:
        failures = [client.failure for client in self._nodes.values() if client.failure]
        failures += [f"{c.name} does not report any more" for c in self._nodes.values() if c.lost]
        return [*self._errors, *failures, *self._doubles()]

    def _doubles(self) -> list[str]:
        return [
            f"{client.live} nodes named {client.name} are running in the namespace "
            f"'{self._node.get_namespace()}'; expected one"
            for client in self._nodes.values()
            if client.live > 1
        ]

    def _statuses(self) -> list[Status]:
        return [system_status(self._newest, self._problems(), self._rises)] if self._newest else []
