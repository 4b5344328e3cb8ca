"""SystemClient: reads the status of a running system and calls the services of its nodes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import Any

import click
from rclpy.client import Client
from std_srvs.srv import Trigger

from .monitor import Monitor
from .status import Status


class Refused(click.ClickException):
    """The system said no; exit status 1."""

    exit_code = 1


class NoAnswer(click.ClickException):
    """No system answers, or it has fallen silent; exit status 3."""

    exit_code = 3


def nobody(namespace: str, waited_s: float, others: list[str]) -> NoAnswer:
    """There is no system to talk to.

    Args:
        namespace: Absolute namespace that was looked in.
        waited_s: How long, in s.
        others: Absolute namespaces that have one.
    """
    domain = os.environ.get("ROS_DOMAIN_ID") or "0"
    text = f"no system answers in the namespace '{namespace}' on ROS_DOMAIN_ID {domain}"
    text += f" within {waited_s:g} s; "
    if others:
        found = ", ".join(f"'{other}'" for other in others)
        return NoAnswer(f"{text}there is one in {found}: see --namespace")
    name = namespace.strip("/")
    up, launch = (f" --namespace {name}", f" namespace:={name}") if name else ("", "")
    return NoAnswer(
        f"{text}start one with `pamiq-ros up SYSTEM{up}` or `ros2 launch pamiq_ros "
        f"continual.launch.py system:=SYSTEM{launch}`; one that `pamiq-ros` started on another "
        "machine is seen if ROS_AUTOMATIC_DISCOVERY_RANGE=SUBNET was set there"
    )


FIND_S = 5.0
SILENCE_S = 5.0
_POLL_S = 0.01


class SystemClient(Monitor):
    """A running system, as its user sees it. Any thread may call it.

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
        return None if self.status is None else time.monotonic() - self.heard_s

    def wait_status(self, timeout: float | None) -> Status:
        """The newest status of a system that is there.

        Args:
            timeout: Longest to wait for it in s; None for 5 s.

        Raises:
            NoAnswer: There is none; the nodes may be on another domain or in another namespace.
        """
        finding_s = FIND_S if timeout is None else timeout
        began_s = time.monotonic()
        while not self._is_fresh():
            if time.monotonic() - began_s >= finding_s:
                if self.problem:
                    raise NoAnswer(self.problem)
                raise self._nobody(finding_s)
            time.sleep(_POLL_S)
        assert self.status is not None
        return self.status

    def trigger(self, name: str, timeout: float | None) -> str:
        """Call a service of the control node.

        Args:
            name: The service, such as `pamiq/pause`.
            timeout: Longest to find it and to wait for its answer in s; None for 5 s to find it,
                then for as long as the control node is heard.

        Returns:
            What it answered.

        Raises:
            Refused: It said no; says why.
            NoAnswer: It is not there, or fell silent.
        """
        asked_s = time.monotonic()
        self._await_control(None if timeout is None else asked_s + timeout)
        control = self._control()

        def ended(waited_s: float) -> str:
            nonlocal control
            control = control or self._control()  # it may be heard only after it was asked
            if timeout is not None:
                late = waited_s >= timeout
                return f"has not answered within {timeout:g} s; it may go on with it" * late
            if self._control() != control:
                return "was started again before it answered"
            silent_s = time.monotonic() - max(self.heard_s, asked_s)
            return f"fell silent for {silent_s:.0f} s without an answer" * (silent_s > SILENCE_S)

        answer = self._call(Trigger, name, Trigger.Request(), FIND_S, ended)
        if not answer.success:
            raise Refused(answer.message or f"{self._full(name)} was refused without a reason")
        return str(answer.message)

    def shut_down(self, timeout: float | None) -> str:
        """Stop the robot and end the nodes; like `trigger`, for an answer that may get lost."""
        asked_s = time.monotonic()
        try:
            return self.trigger("pamiq/shutdown", timeout)
        except NoAnswer:
            if self.is_shutdown and self.heard_s > asked_s:
                return "shutdown"
            raise

    def ask(self, kind: type[Any], name: str, request: Any, timeout: float | None) -> Any:
        """Call any service of a node of the system, and give its answer.

        Args:
            kind: Type of the service.
            name: Its name, relative to the namespace.
            request: The request.
            timeout: Longest to find it, and then to wait for its answer, in s; None for 5 s each.

        Raises:
            NoAnswer: It is not there, or does not answer.
        """
        limit_s = FIND_S if timeout is None else timeout

        def ended(waited_s: float) -> str:
            return f"has not answered within {limit_s:g} s" * (waited_s >= limit_s)

        return self._call(kind, name, request, limit_s, ended)

    def nodes(self) -> list[str]:
        """Names of the system's nodes, found by their parameter services."""
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
                raise self._nobody(until_s - began_s)
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

    def _nobody(self, waited_s: float) -> NoAnswer:
        end = "/pamiq/pause"
        names = [name for name, _ in self._node.get_service_names_and_types()]
        others = {name[: -len(end)] or "/" for name in names if name.endswith(end)}
        return nobody(self.namespace, waited_s, sorted(others - {self.namespace}))

    def _full(self, name: str) -> str:
        return f"{self.namespace.rstrip('/')}/{name}"
