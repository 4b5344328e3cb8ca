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

"""The life cycle of a managed node: its states, its transitions, and the services that change them.

States and transitions are those of the ROS 2 design article on managed nodes
(https://design.ros2.org/articles/node_lifecycle.html).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.callback_groups import CallbackGroup
from rclpy.client import Client
from rclpy.node import Node

UNCONFIGURED = "unconfigured"
INACTIVE = "inactive"
ACTIVATING = "activating"
ACTIVE = "active"
FINALIZED = "finalized"

_ON_THE_WAY = ("configuring", "cleaningup", ACTIVATING, "deactivating", "shuttingdown")
STATES = frozenset((UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED, *_ON_THE_WAY, "errorprocessing"))
"""The names of all states."""

MAY_RUN = frozenset((ACTIVE, ACTIVATING, "deactivating", "errorprocessing"))
"""The states in which a node may be doing what it does when it is active."""

_TOWARDS = {
    (UNCONFIGURED, INACTIVE): "configure",
    (UNCONFIGURED, ACTIVE): "configure",
    (UNCONFIGURED, FINALIZED): "shutdown",
    (INACTIVE, ACTIVE): "activate",
    (INACTIVE, UNCONFIGURED): "cleanup",
    (INACTIVE, FINALIZED): "shutdown",
    (ACTIVE, INACTIVE): "deactivate",
    (ACTIVE, UNCONFIGURED): "deactivate",
    (ACTIVE, FINALIZED): "deactivate",
}


def next_transition(state: str, wanted: str) -> str | None:
    """The label of the next transition from `state` towards `wanted`.

    Returns:
        None when the node is there already, or when nothing leads there from `state`.
    """
    return _TOWARDS.get((state, wanted))


_TRANSITION_IDS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
}
_SHUTDOWN_IDS = {
    UNCONFIGURED: Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
    INACTIVE: Transition.TRANSITION_INACTIVE_SHUTDOWN,
    ACTIVE: Transition.TRANSITION_ACTIVE_SHUTDOWN,
}
_LOOK_S = 0.5
_GET_STATE_S = 1.0
_MOST_TRIES = 5


class LifecycleServices:
    """Clients of one managed node's services `get_state` and `change_state`.

    Every method waits in the calling thread, which must not be the executor's only one.
    """

    def __init__(self, node: Node, name: str, group: CallbackGroup) -> None:
        """Args: the control node, the managed node's name, a reentrant group."""
        self._node, self._name, self._group = node, name, group
        self._get, self._change = self._connect()

    @property
    def ready(self) -> bool:
        """Whether the node offers `get_state`."""
        return bool(self._get.service_is_ready())

    def state(self) -> str | None:
        """Return the label of the node's state; None without an answer within a second."""
        answer = call(self._get, GetState.Request(), _GET_STATE_S)
        return None if answer is None else str(answer.current_state.label)

    def change(self, label: str, state: str, timeout: float) -> tuple[bool | None, bool]:
        """Request a transition, again if the request was lost.

        A node that has just started may answer one service before the middleware has connected the
        other one; a request to that is lost. During a transition a node answers nothing.

        Args:
            label: The transition.
            state: The state that the node is in.
            timeout: Longest to wait for the answer, in s.

        Returns:
            Whether the node has made the transition, None without an answer; and whether it then
            still says that it is in `state`.
        """
        request = ChangeState.Request()
        request.transition.id = _TRANSITION_IDS.get(label) or _SHUTDOWN_IDS[state]
        for _ in range(_MOST_TRIES):
            lost = _LostRequest(self.state, state)
            answer = call(self._change, request, timeout, lost.may_be_answered)
            if answer is not None:
                return bool(answer.success), False
            if not lost.is_certain:
                return None, False
        return None, True

    def reconnect(self) -> None:
        """Make new clients: the middleware can miss one service of a node for good."""
        old = self._get, self._change
        self._get, self._change = self._connect()
        for client in old:
            self._node.destroy_client(client)

    def _connect(self) -> tuple[Client[Any, Any], Client[Any, Any]]:
        def client(kind: type[Any], service: str) -> Client[Any, Any]:
            name = f"{self._name}/{service}"
            return self._node.create_client(kind, name, callback_group=self._group)

        return client(GetState, "get_state"), client(ChangeState, "change_state")


class _LostRequest:
    """Whether a request was lost: the node says twice that it is still in the state before it."""

    def __init__(self, ask_state: Callable[[], str | None], state: str) -> None:
        self.is_certain = False
        self._ask_state, self._state = ask_state, state
        self._times = 0

    def may_be_answered(self) -> bool:
        self._times = self._times + 1 if self._ask_state() == self._state else 0
        self.is_certain = self._times >= 2
        return not self.is_certain


def call(
    client: Client[Any, Any],
    request: Any,
    timeout: float,
    may_be_answered: Callable[[], bool] = lambda: True,
) -> Any:
    """Call a service and wait; not from the executor's only thread.

    Args:
        client: Of the service.
        request: The request.
        timeout: Longest to wait, in s.
        may_be_answered: Whether an answer can still come; called twice a second.

    Returns:
        The answer; None when there is none.
    """
    done = threading.Event()
    future = client.call_async(request)
    future.add_done_callback(lambda _: done.set())
    deadline = time.monotonic() + timeout
    while not done.wait(min(_LOOK_S, max(0.0, deadline - time.monotonic()))):
        if time.monotonic() >= deadline or not may_be_answered():
            client.remove_pending_request(future)
            return None
    return future.result()
