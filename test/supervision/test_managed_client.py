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

"""A managed node whose services do not answer: the control node says so, and connects anew."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.node import Node
from ros_helpers import wait_until
from std_msgs.msg import String

from pamiq_ros.supervision import managed_client
from pamiq_ros.supervision.lifecycle import INACTIVE
from pamiq_ros.supervision.managed_client import ManagedClient
from pamiq_ros.supervision.reporter import LATCHED
from pamiq_ros.supervision.reports import seal
from pamiq_ros.supervision.ros_time import steady_timer

if TYPE_CHECKING:
    from ros_helpers import Ros

TIMEOUT_S = 1.0


class Actor:
    """A node that reports; its life-cycle services are offered by `serve`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._state = "unconfigured"
        publisher = node.create_publisher(String, "~/report", LATCHED)
        report = String(data=seal({"node": "actor", "instance": "a", "state": "unconfigured"}))
        self.reports = steady_timer(node, 0.1, lambda: publisher.publish(report))

    def serve(self) -> None:
        """Offer `get_state` and `change_state`; every transition ends in `inactive`."""
        self._node.create_service(ChangeState, "~/change_state", self._change)
        self._node.create_service(GetState, "~/get_state", self._get)

    def _change(
        self, _: ChangeState.Request, response: ChangeState.Response
    ) -> ChangeState.Response:
        self._state, response.success = "inactive", True
        return response

    def _get(self, _: GetState.Request, response: GetState.Response) -> GetState.Response:
        response.current_state = State(label=self._state)
        return response


@pytest.fixture
def actor(ros: Ros) -> Actor:
    """A node that reports and does not answer."""
    return Actor(ros.node("actor"))


@pytest.fixture
def client(ros: Ros) -> Iterator[ManagedClient]:
    """The control node's client of it."""
    client = ManagedClient(ros.node("control"), "actor", TIMEOUT_S, lambda: None)
    yield client
    client.close()


def test_who_reports_and_does_not_answer_is_named_until_it_does(
    actor: Actor, client: ManagedClient
) -> None:
    client.want(INACTIVE)
    wait_until(lambda: client.failure.endswith("though it reports"), "a failure")
    assert client.failure.startswith("actor has not answered 'get_state' for ")
    assert not client.lost
    actor.serve()
    wait_until(lambda: client.state == INACTIVE, "the transition")
    assert client.wait(10.0) and client.failure == ""


def test_who_falls_silent_while_it_is_waited_for_is_lost(
    actor: Actor, client: ManagedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed_client, "_LOST_S", 2.0)
    client.want(INACTIVE)
    wait_until(lambda: client.live, "a report")
    actor.reports.cancel()
    wait_until(lambda: client.lost, "the loss")
    wait_until(lambda: "does not report" in client.failure, "the failure")


def test_a_service_that_was_never_matched_is_connected_anew(
    actor: Actor, client: ManagedClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(managed_client, "_LOST_S", 0.5)
    monkeypatch.setattr(
        client._services._get, "service_is_ready", lambda: False
    )  # what a lost match gives
    actor.serve()
    client.want(INACTIVE)
    wait_until(lambda: client.state == INACTIVE, "the transition")
    assert client.wait(10.0)


def test_who_never_came_is_waited_for_without_a_failure(client: ManagedClient) -> None:
    client.want(INACTIVE)
    assert not client.wait(2 * TIMEOUT_S)
    assert (client.failure, client.lost) == ("", False)
