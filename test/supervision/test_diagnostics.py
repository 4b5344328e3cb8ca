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

"""What a node's diagnostics look like to a robot monitor."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ros_helpers import Ros


def test_statuses_are_named_by_node_and_namespace_and_have_levels(ros: Ros) -> None:
    diagnostic_msgs = pytest.importorskip("diagnostic_msgs.msg")
    from ros_helpers import wait_until

    from pamiq_ros.supervision.diagnostics import DiagnosticsPublisher, Level, Status

    statuses = [
        Status("tick", Level.ERROR, "robot stopped: the agent raised", {"lateness_p99_ms": "0.8"}),
        Status("weights", Level.OK, "version 7", {}),
    ]
    heard: list[diagnostic_msgs.DiagnosticArray] = []
    monitor = ros.node("monitor")
    monitor.create_subscription(diagnostic_msgs.DiagnosticArray, "/diagnostics", heard.append, 10)
    publisher = DiagnosticsPublisher(
        ros.node("pamiq_inference", namespace="/robot1"), lambda: statuses
    )
    wait_until(lambda: heard, "diagnostics")
    first, second = heard[0].status
    assert first.name == "robot1/pamiq_inference: tick"
    assert second.name == "robot1/pamiq_inference: weights"
    assert (first.level, second.level) == (first.ERROR, first.OK)
    assert first.message == "robot stopped: the agent raised"
    assert [(value.key, value.value) for value in first.values] == [("lateness_p99_ms", "0.8")]
    assert first.hardware_id == socket.gethostname()
    assert heard[0].header.stamp.sec > 0
    assert publisher is not None
