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

"""ManagedClient: drives one lifecycle node to the wanted state, and receives its reports."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.msg import TransitionEvent
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.client import Client
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.supervision.lifecycle import (
    ACTIVATING,
    FINALIZED,
    INACTIVE,
    MAY_RUN,
    STATES,
    UNCONFIGURED,
    LifecycleServices,
    call,
    next_transition,
)
from pamiq_ros.supervision.reports import LIVE_S, ReceivedReports

from .reporter import LATCHED

UNKNOWN = "unknown"
_WITHOUT_STATES = (UNCONFIGURED, "configuring", FINALIZED)
_RETRY_S = 0.1
_LIFE_S = 0.02
_LOST_S = 5.0


class ManagedClient:
    """The control node's view of one managed node. A thread of its own drives the node.

    It acts only on a command or on a new instance of the node, so a node that a user changes with
    `ros2 lifecycle set` stays as the user left it.

    Attributes:
        state: The newest known lifecycle state.
        failure: Why the node is not in the wanted state; empty while it is or may get there.
        may_activate: Returns whether the node may be activated now; otherwise activation waits.
    """

    def __init__(
        self, node: Node, name: str, timeout: float, on_change: Callable[[], None]
    ) -> None:
        """Create the clients and start the thread.

        Args:
            node: The control node.
            name: Name of the managed node.
            timeout: Maximum duration of a transition, in s.
            on_change: Called when the state or the failure has changed.
        """
        self.name = name
        self.state = UNKNOWN
        self.failure = ""
        self.may_activate: Callable[[], bool] = lambda: True
        self._node = node
        self._reports = ReceivedReports()
        self._refused = 0
        self._timeout = timeout
        self._on_change = on_change
        self._wanted: str | None = None
        self._work = threading.Event()
        self._settled = threading.Event()
        self._closed = False
        self._driving = False
        self._live_before = 0
        self._answered = self._connected = 0.0
        self._on_paused: Callable[[], None] | None = None
        self._lock = threading.Lock()
        group = ReentrantCallbackGroup()
        self._services = LifecycleServices(node, name, group)
        self._save: Client[Any, Any] = node.create_client(
            Trigger, f"{name}/save_state", callback_group=group
        )
        node.create_subscription(
            TransitionEvent,
            f"{name}/transition_event",
            self._on_transition,
            10,
            callback_group=group,
        )
        node.create_subscription(
            String, f"{name}/report", self._on_report, LATCHED, callback_group=group
        )
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def report(self) -> dict[str, Any]:
        """The newest report, with the number of refused messages as `refused_reports`."""
        return {**self._reports.newest, "refused_reports": self._refused}

    @property
    def configuration_error(self) -> str:
        """Why the node refused its configuration; empty if it did not."""
        return str(self.report.get("configuration_error", ""))

    @property
    def live(self) -> int:
        """Number of instances that report now; 0 if the node is gone."""
        return self._reports.live

    @property
    def lost(self) -> bool:
        """Whether it has stopped reporting, unless it is ending or in a transition."""
        if self._wanted == FINALIZED or (self._driving and not self.failure):
            return False
        return self._reports.silent_s > _LOST_S

    @property
    def restarts(self) -> int:
        """How often the node was restarted."""
        return self._reports.restarts

    def want(self, state: str, on_paused: Callable[[], None] | None = None) -> None:
        """Drive the node to a state, now and after each restart of it.

        Args:
            state: The state.
            on_paused: Called instead, in the client's thread, if the node is inactive at the first
                contact: a user has paused it, and it stays paused.
        """
        with self._lock:
            self._on_paused = on_paused
            self.failure = ""
            self._wanted = state
            self._settled.clear()
            self._work.set()

    def wait(self, timeout: float) -> bool:
        """Wait until the node is in the wanted state or has failed to reach it.

        Returns:
            Whether it is in the wanted state.
        """
        return self._settled.wait(timeout) and not self.failure

    @property
    def may_run(self) -> bool:
        """Whether a node of that name may be active."""
        states = self._reports.states(_LOST_S)
        # If there are several, any of them may have answered.
        return self.state in MAY_RUN or (len(states) > 1 and not MAY_RUN.isdisjoint(states))

    def doubt(self) -> None:
        """Set the state to unknown: the node was active and its liveliness signal has stopped."""
        self._reports.forget(MAY_RUN)
        self.state = UNKNOWN
        self._on_change()

    def ask_again(self) -> None:
        """Request the state if it is unknown, and drive the node to the wanted state."""
        if self.state == UNKNOWN and self._wanted is not None:
            self._work.set()

    def look(self) -> None:
        """Detect that one of several nodes of that name has ended. Called a few times a second."""
        before, self._live_before = self._live_before, self.live
        if 0 < self._live_before < before:
            self.state = UNKNOWN
            self.ask_again()

    def save(self, timeout: float) -> tuple[str, str]:
        """Call the node's `save_state`.

        Args:
            timeout: Maximum time to wait for it, in s.

        Returns:
            The state's id and an empty string, or an empty string and the reason.
        """
        if not self._save.service_is_ready():
            return (
                "",
                f"{self.name} saves no states: its parameter 'states_dir' is empty, or it "
                f"is {self.state}",
            )
        # The middleware still shows the service of a killed node for a while.
        state = self.report.get("state", self.state)
        if state in _WITHOUT_STATES:
            return "", f"{self.name} saves no state now: it is {state}"
        known = len(self._reports.instances)

        def lives() -> bool:
            return len(self._reports.instances) == known and bool(self._save.service_is_ready())

        answer = call(self._save, Trigger.Request(), timeout, lives)
        if answer is None and not lives():
            return "", f"{self.name} ended before its state was saved"
        if answer is None:
            return "", f"{self.name} did not save its state within {timeout:g} s"
        return (answer.message, "") if answer.success else ("", f"{self.name}: {answer.message}")

    def close(self) -> None:
        """End the thread."""
        self._closed = True
        self._work.set()
        self._thread.join(1.0)

    def _run(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            if self._closed:
                return
            wanted = self._wanted
            if wanted is None:
                continue
            self._driving = True
            try:
                self._drive(wanted)
            except Exception as error:  # the thread must survive, or the node is never driven again
                self.failure = f"{self.name} could not be driven to {wanted}: {error!r}"
            self._driving = False
            with self._lock:
                if self._wanted == wanted:
                    self._settled.set()
                else:  # `want` was called again, and `_drive` may have consumed its wake-up
                    self._work.set()
            self._on_change()

    def _drive(self, wanted: str) -> None:
        self.failure = ""
        began = self._answered = self._connected = time.monotonic()
        while not self._closed and self._wanted == wanted:
            if wanted == FINALIZED and not self._services.ready:
                self.state = FINALIZED  # it has ended as requested, or never existed
                return
            if self._ask() and not self._advance(wanted, began):
                return

    def _ask(self) -> bool:
        """Request the state; return whether the node answered. Waits a moment if it did not."""
        state = self._services.state() if self._services.ready else None
        now = time.monotonic()
        if state is not None:
            self.failure, self._answered = "", now
            self.state = self._state_of_several() or state
            return True
        self._complain(now - self._answered)
        if self.live and now - max(self._answered, self._connected) > _LOST_S:
            self._connected = now
            self._services.reconnect()
        time.sleep(_RETRY_S)
        return False

    def _advance(self, wanted: str, began: float) -> bool:
        """Make the next transition; return False if there is none or it failed."""
        state = self.state
        with self._lock:  # else a newer `want` could lose its `on_paused`
            if self._wanted != wanted:
                return False
            on_paused, self._on_paused = self._on_paused, None
        if on_paused is not None and state == INACTIVE:
            on_paused()
            return False
        transition = next_transition(state, wanted)
        if transition is None:
            if state != wanted:
                self.failure = f"{self.name} is {state}, expected {wanted}"
            return False
        if reason := self._not_yet(transition):
            if time.monotonic() - began > self._timeout:
                self.failure = f"{self.name}: no '{transition}': {reason}"
                return False
            time.sleep(_LIFE_S)
            return True
        if not self._transition(transition, state):
            return False
        if transition == "shutdown":
            self.state = FINALIZED  # its process ends now and may not be asked again
            return False
        return True

    def _complain(self, silent_s: float) -> None:
        if silent_s > self._timeout and self._reports.instances:
            but = "though it reports" if self.live else "and does not report"
            self.failure = f"{self.name} has not answered 'get_state' for {silent_s:.0f} s, {but}"

    def _state_of_several(self) -> str:
        """While several nodes of the name report, the state of the active one or the newest."""
        states = self._reports.states(LIVE_S)
        if len(states) < 2:
            return ""
        return next((state for state in states if state in MAY_RUN), states[-1])

    def _not_yet(self, transition: str) -> str:
        # A request goes to all nodes of the name: two of them would drive one robot.
        if transition in ("configure", "activate") and self.live > 1:
            return f"{self.live} nodes of that name are running, expected one"
        if transition == "activate" and not self.may_activate():
            return "it gives no sign of life"
        return ""

    def _transition(self, label: str, state: str) -> bool:
        if label == "activate":
            self.state = ACTIVATING  # if it dies before it reports this, it may have begun
        began = time.monotonic()
        succeeded, is_unmoved = self._services.change(label, state, self._timeout)
        if succeeded or (succeeded is None and label == "shutdown"):  # it ended before it answered
            return True
        if is_unmoved:
            self.state = state
        took = time.monotonic() - began
        why = f"did not answer within {took:.1f} s to" if succeeded is None else "refused"
        self.failure = f"{self.name} {why} '{label}' from state '{state}'"
        return False

    def _on_transition(self, message: TransitionEvent) -> None:
        state = message.goal_state.label
        if state not in STATES:
            self._refuse("transition_event", f"expected a life-cycle state, found {state[:40]!r}")
            return
        self.state = self._state_of_several() or state
        self._on_change()

    def _on_report(self, message: String) -> None:
        try:
            was_restarted = self._reports.take(message.data)
        except ValueError as error:
            self._refuse("report", str(error))
            return
        said = self._reports.newest.get("state")
        if self.state == UNKNOWN and said in STATES:
            self.state = said
        self.state = self._state_of_several() or self.state
        if was_restarted:  # `_drive` waits for the first instance already
            self._work.set()

    def _refuse(self, topic: str, reason: str) -> None:
        self._refused += 1
        text = f"{self.name}/{topic}: refused a message: {reason}"
        self._node.get_logger().warning(text, throttle_duration_sec=1.0)
