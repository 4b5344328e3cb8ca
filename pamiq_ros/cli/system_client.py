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

"""Clients of a running system: `Monitor` receives its status, `SystemClient` calls its services."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import click
import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.nodes.process import leaving
from pamiq_ros.nodes.spin_thread import SpinThread

from .status import LARGEST_CHARACTERS, Status

FIND_S = 5.0
SILENCE_S = 5.0
_POLL_S = 0.01
_LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)
_NOT_ACTING = ("inactive", "finalized")


class Monitor:
    """Receives `pamiq/status` and calls `pamiq/shutdown`, with a node in a thread of this process.

    Args:
        namespace: Absolute namespace of the nodes.
        is_replay: Whether a bag is replayed.
        is_ours: Whether to accept a status; other systems' control nodes may publish on the topic.

    Attributes:
        status: The newest status; None before the first one.
        received_s: Monotonic time at which it was received, in s.
        comparison: How far a replay's commands are from those in the bag, JSON; empty before that.
        problem: Why the newest message could not be read; empty if it could.
    """

    def __init__(
        self,
        namespace: str,
        is_replay: bool = False,
        is_ours: Callable[[Status], bool] = lambda _: True,
    ) -> None:
        self.status: Status | None = None
        self.received_s = 0.0
        self.comparison = ""
        self.problem = ""
        self._is_ours = is_ours
        self._context = Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node(
            f"pamiq_cli_{os.getpid()}",
            context=self._context,
            namespace=namespace,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._node.create_subscription(String, "pamiq/status", self._on_status, _LATCHED)
        if is_replay:
            topic = "pamiq/comparison"
            self._node.create_subscription(String, topic, self._on_comparison, _LATCHED)
        self._shutdown: Client[Any, Any] = self._node.create_client(Trigger, "pamiq/shutdown")
        self._spinning = SpinThread(self._context)
        self._spinning.add(self._node)

    @property
    def is_shutdown(self) -> bool:
        """Whether the newest status is that of a shutdown."""
        return self.status is not None and self.status.state == "shutdown"

    @property
    def has_stopped_robot(self) -> bool:
        """Whether, by the newest status, the inference node has stopped to act."""
        if self.status is None:
            return False
        return self.status.text("nodes", "pamiq_inference", "state") in _NOT_ACTING

    def call_shutdown(self) -> bool:
        """Call `pamiq/shutdown` without waiting, and return whether the service exists."""
        if not self._shutdown.service_is_ready():
            return False
        self._shutdown.call_async(Trigger.Request())
        return True

    def close(self) -> None:
        """Destroy the node and stop its thread."""
        with leaving():
            self._spinning.close()
            rclpy.shutdown(context=self._context)

    def _on_status(self, message: String) -> None:
        try:
            status = Status.parse(message.data)
        except ValueError as error:
            self.problem = f"{self._node.resolve_topic_name('pamiq/status')}: {error}"
            return
        if not self._is_ours(status):
            return
        self.received_s = time.monotonic()
        self.problem = ""
        self.status = status

    def _on_comparison(self, message: String) -> None:
        self.comparison = message.data[:LARGEST_CHARACTERS]


class Refused(click.ClickException):
    """The system refused; exit status 1."""

    exit_code = 1


class NoAnswer(click.ClickException):
    """No system answers, or it stopped publishing; exit status 3."""

    exit_code = 3


class SystemClient(Monitor):
    """A running system. Any thread may call its methods.

    Args:
        namespace: Absolute namespace of the nodes.
    """

    def __init__(self, namespace: str) -> None:
        super().__init__(namespace)
        self.namespace = namespace
        self._clients: dict[tuple[type[Any], str], Client[Any, Any]] = {}
        self._lock = threading.Lock()

    @property
    def silent_s(self) -> float | None:
        """Time since the newest status in s; None before the first."""
        return None if self.status is None else time.monotonic() - self.received_s

    def wait_status(self, timeout: float | None) -> Status:
        """Wait for a recent status of a system, and return it.

        Args:
            timeout: Longest to wait in s; None for 5 s.

        Raises:
            NoAnswer: There is none; says where else to look.
        """
        finding_s = FIND_S if timeout is None else timeout
        began_s = time.monotonic()
        while not self._is_fresh():
            if time.monotonic() - began_s >= finding_s:
                if self.problem:
                    raise NoAnswer(self.problem)
                raise self._no_system(finding_s)
            time.sleep(_POLL_S)
        assert self.status is not None
        return self.status

    def trigger(self, name: str, timeout: float | None) -> str:
        """Call a service of the control node.

        Args:
            name: The service, such as `pamiq/pause`.
            timeout: Longest to find it and to wait for its answer in s; None for 5 s to find it,
                then for as long as the control node publishes statuses.

        Returns:
            The message of the answer.

        Raises:
            Refused: The control node refused; says why.
            NoAnswer: There is no such service, or the control node stopped publishing.
        """
        asked_s = time.monotonic()
        self._await_control(None if timeout is None else asked_s + timeout)
        control = self._control()

        def ended(waited_s: float) -> str:
            nonlocal control
            control = control or self._control()  # its first status may follow the call
            if timeout is not None:
                late = waited_s >= timeout
                return f"has not answered within {timeout:g} s; it may go on with it" * late
            if self._control() != control:
                return "was started again before it answered"
            silent_s = time.monotonic() - max(self.received_s, asked_s)
            return f"fell silent for {silent_s:.0f} s without an answer" * (silent_s > SILENCE_S)

        answer = self._call(Trigger, name, Trigger.Request(), FIND_S, ended)
        if not answer.success:
            raise Refused(answer.message or f"{self._full(name)} was refused without a reason")
        return str(answer.message)

    def shut_down(self, timeout: float | None) -> str:
        """Stop the robot and end the nodes; like `trigger`, but the answer may get lost."""
        asked_s = time.monotonic()
        try:
            return self.trigger("pamiq/shutdown", timeout)
        except NoAnswer:
            if self.is_shutdown and self.received_s > asked_s:
                return "shutdown"
            raise

    def ask(self, kind: type[Any], name: str, request: Any, timeout: float | None) -> Any:
        """Call any service of the system's nodes, and return its response.

        Args:
            kind: Type of the service.
            name: Its name, relative to the namespace.
            request: The request.
            timeout: Longest to find it, and then to wait for its answer, in s; None for 5 s each.

        Raises:
            NoAnswer: There is no such service, or it does not answer.
        """
        limit_s = FIND_S if timeout is None else timeout

        def ended(waited_s: float) -> str:
            return f"has not answered within {limit_s:g} s" * (waited_s >= limit_s)

        return self._call(kind, name, request, limit_s, ended)

    def nodes(self) -> list[str]:
        """Return the names of the system's nodes, found by their parameter services."""
        base, end = f"{self.namespace.rstrip('/')}/", "/list_parameters"
        names = [name for name, _ in self._node.get_service_names_and_types()]
        found = [n[len(base) : -len(end)] for n in names if n.startswith(base) and n.endswith(end)]
        return sorted(name for name in found if name.startswith("pamiq_") and "/" not in name)

    def _control(self) -> str:
        return "" if self.status is None else self.status.text("control")

    def _await_control(self, deadline_s: float | None) -> None:
        until_s = time.monotonic() + FIND_S if deadline_s is None else deadline_s
        began_s = time.monotonic()
        while not self._shutdown.service_is_ready():
            if time.monotonic() >= until_s:
                raise self._no_system(until_s - began_s)
            time.sleep(_POLL_S)

    def _call(
        self,
        kind: type[Any],
        name: str,
        request: Any,
        finding_s: float,
        ended: Callable[[float], str],
    ) -> Any:
        client = self._client(kind, name)
        began_s = time.monotonic()
        while not client.service_is_ready():
            if time.monotonic() - began_s >= finding_s:
                raise NoAnswer(f"{self._full(name)} was not found within {finding_s:g} s")
            time.sleep(_POLL_S)
        future = client.call_async(request)
        try:
            while not future.done():
                if why := ended(time.monotonic() - began_s):
                    raise NoAnswer(f"{self._full(name)} {why}")
                time.sleep(_POLL_S)
        finally:
            client.remove_pending_request(future)
        return future.result()

    def _client(self, kind: type[Any], name: str) -> Client[Any, Any]:
        with self._lock:
            if (kind, name) not in self._clients:
                self._clients[kind, name] = self._node.create_client(kind, name)
            return self._clients[kind, name]

    def _is_fresh(self) -> bool:
        return self.silent_s is not None and self.silent_s < SILENCE_S

    def _no_system(self, waited_s: float) -> NoAnswer:
        domain = os.environ.get("ROS_DOMAIN_ID") or "0"
        text = f"no system answers in the namespace '{self.namespace}' on ROS_DOMAIN_ID {domain}"
        text += f" within {waited_s:g} s; "
        end = "/pamiq/pause"
        names = [name for name, _ in self._node.get_service_names_and_types()]
        others = {name[: -len(end)] or "/" for name in names if name.endswith(end)}
        if found := ", ".join(f"'{other}'" for other in sorted(others - {self.namespace})):
            return NoAnswer(f"{text}there is one in {found}: see --namespace")
        name = self.namespace.strip("/")
        up, launch = (f" --namespace {name}", f" namespace:={name}") if name else ("", "")
        return NoAnswer(
            f"{text}start one with `pamiq-ros up SYSTEM{up}` or `ros2 launch pamiq_ros "
            f"continual.launch.py system:=SYSTEM{launch}`; one that `pamiq-ros` started on another "
            "machine is seen if ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET was set there"
        )

    def _full(self, name: str) -> str:
        return f"{self.namespace.rstrip('/')}/{name}"
