"""control_node: brings the other two nodes up, pauses, resumes, ends them, and tells how it is."""

from __future__ import annotations

import itertools
import json
import sys
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.control.diagnosis import Rises, Status
from pamiq_ros.control.lifecycle import ACTIVE, FINALIZED, INACTIVE
from pamiq_ros.control.node_diagnosis import system_status
from pamiq_ros.control.status import (
    INFERENCE,
    TRAINING,
    all_received,
    gather_report,
    system_state,
)
from pamiq_ros.loop.priorities import yield_process

from .alive import watch
from .diagnostics import DiagnosticsPublisher
from .main import run
from .managed_client import ManagedClient
from .parameters import declare
from .report import LATCHED, STATUS_TOPIC
from .robot_stop import RobotStop
from .tables import CONTROL_PARAMETERS

STATUS_PERIOD_S = 0.5
NICENESS = 5  # what it does may wait for the robot
DRAIN_S = 1.5


class ControlNode(Node):
    """Serves pamiq/pause, resume, save_state and shutdown; publishes the latched pamiq/status.

    Attributes:
        finished: Whether the system was shut down and this process should end.
    """

    def __init__(self) -> None:
        super().__init__("pamiq_control")
        self.finished = False
        self._id = uuid.uuid4().hex[:12]
        self._began = time.monotonic()
        self._first_active: float | None = None
        self._wanted = ACTIVE
        self._commands = itertools.count(1)
        self._newest_command = 0
        self._errors = [f"pamiq_control: {e}" for e in declare(self, CONTROL_PARAMETERS).values()]
        for error in self._errors:
            self.get_logger().error(error)
        group = ReentrantCallbackGroup()
        self._status = self.create_publisher(String, STATUS_TOPIC, LATCHED)
        timeout = self.get_parameter("transition_timeout").value
        self._nodes = {
            name: ManagedClient(self, name, timeout, self._publish)
            for name in (INFERENCE, TRAINING)
        }
        self._robot_stop = RobotStop(self, group)
        watch(self, INFERENCE, self._on_alive, group)
        self._serve("pamiq/pause", self._pause, group)
        self._serve("pamiq/resume", self._resume, group)
        self._serve("pamiq/shutdown", self._shutdown, group)
        self.create_service(Trigger, "pamiq/save_state", self._save_state, callback_group=group)
        self.create_timer(STATUS_PERIOD_S, self._publish, callback_group=group)
        self._newest: dict[str, Any] = {}
        self._rises = Rises()
        self._diagnostics = DiagnosticsPublisher(self, self._statuses, group)
        if self._errors:
            return
        if uptime := self.get_parameter("max_uptime").value:
            self.create_timer(uptime, self._end_of_uptime, callback_group=group)
        if self.get_parameter("autostart").value:
            for client in self._nodes.values():
                client.want(ACTIVE, on_paused=self._adopt_pause)

    def stop(self) -> None:
        """Stop driving the nodes; what they do now they go on doing."""
        for client in self._nodes.values():
            client.close()

    def _serve(self, name: str, action: Callable[[], str], group: ReentrantCallbackGroup) -> None:
        def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            self.get_logger().info(f"{name} was called")
            self._newest_command = next(self._commands)
            failure = action()
            response.success = not failure
            response.message = failure or self._state()
            self._publish()
            return response

        self.create_service(Trigger, name, answer, callback_group=group)

    def _save_state(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        # No command: the nodes go on as they are, and a pause may come in between.
        self.get_logger().info("pamiq/save_state was called")
        timeout = self.get_parameter("save_timeout").value
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            saved = list(pool.map(lambda client: client.save(timeout), self._nodes.values()))
        failures = [failure for _, failure in saved if failure]
        response.success = not failures
        # The later id stands for both: a node goes on from its newest state not after it.
        response.message = "; ".join(failures) or max(state for state, _ in saved)
        return response

    def _end_of_uptime(self) -> None:
        if self._wanted != FINALIZED:
            self.get_logger().info("max_uptime has passed: the system shuts down")
            self._newest_command = next(self._commands)
            self._shutdown()

    def _on_alive(self, alive: bool) -> None:
        if alive:
            self._robot_stop.leave()
        elif self._nodes[INFERENCE].state == ACTIVE:
            self._robot_stop.stop()
            self.get_logger().error(
                f"robot stopped: {INFERENCE} gives no sign of life; it died, was ended, or hangs"
            )

    def _want(self, state: str) -> None:
        self._wanted = state
        for client in self._nodes.values():
            client.want(state)

    def _reach(self, state: str) -> str:
        self._want(state)
        return "; ".join(filter(None, map(self._wait, self._nodes.values())))

    def _wait(self, client: ManagedClient) -> str:
        # A newer command wins at once: a pause must not wait for a resume that is under way.
        command = self._newest_command
        timeout = self.get_parameter("transition_timeout").value
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if client.wait(0.02):
                return ""
            if client.failure:
                return client.failure
            if self._newest_command != command:
                return "a newer command came before this one was done"
        return f"{client.name} is {client.state} after {timeout:g} s"

    def _adopt_pause(self) -> None:
        if self._newest_command:
            return  # what was commanded since then counts
        self.get_logger().info("a node was found paused: the system stays paused")
        self._want(INACTIVE)

    def _pause(self) -> str:
        return self._reach(INACTIVE)

    def _resume(self) -> str:
        return self._reach(ACTIVE)

    def _shutdown(self) -> str:
        # The robot stops first; what it has experienced then still reaches the learner.
        self._wanted = FINALIZED
        inference, training = self._nodes[INFERENCE], self._nodes[TRAINING]
        if inference.state == ACTIVE:
            inference.want(INACTIVE)
            self._wait(inference)
            deadline = time.monotonic() + DRAIN_S
            while time.monotonic() < deadline and not all_received(self._report()):
                time.sleep(0.02)
        if training.state == ACTIVE:
            training.want(INACTIVE)
            self._wait(training)
        failure = self._reach(FINALIZED)
        self.finished = self._wanted == FINALIZED
        return failure

    def _state(self) -> str:
        states = {name: self._state_of(client) for name, client in self._nodes.items()}
        failed = bool(self._errors) or any(c.failure or c.lost for c in self._nodes.values())
        return system_state(states, self._wanted, failed)

    def _state_of(self, client: ManagedClient) -> str:
        return "lost" if client.lost else client.state

    def _report(self) -> dict[str, Any]:
        restarts = {
            "inference": self._nodes[INFERENCE].restarts,
            "training": self._nodes[TRAINING].restarts,
            "control": max(
                (len(set(c.report.get("controls", [])) - {self._id}) for c in self._nodes.values()),
                default=0,
            ),
        }
        since = time.monotonic() - self._first_active if self._first_active is not None else 0.0
        reports = {name: client.report for name, client in self._nodes.items()}
        report = gather_report(reports, restarts, since)
        self._robot_stop.know(report["inference"].get("actuators", []))
        report["robot_stops"] = self._robot_stop.count
        report["errors"] = [*self._problems(), *report["errors"]]
        return report

    def _problems(self) -> list[str]:
        failures = [client.failure for client in self._nodes.values() if client.failure]
        failures += [f"{c.name} does not report any more" for c in self._nodes.values() if c.lost]
        return [*self._errors, *failures, *self._doubles()]

    def _doubles(self) -> list[str]:
        return [
            f"{client.live} nodes named {client.name} are running in the namespace "
            f"'{self.get_namespace()}'; expected one"
            for client in self._nodes.values()
            if client.live > 1
        ]

    def _statuses(self) -> list[Status]:
        return [system_status(self._newest, self._problems(), self._rises)] if self._newest else []

    def _publish(self) -> None:
        state = self._state()
        if state == "active" and self._first_active is None:
            self._first_active = time.monotonic()
        report = self._report()
        configuration = [*self._errors, *(c.configuration_error for c in self._nodes.values())]
        status = {
            "state": state,
            "control": self._id,
            "uptime_s": round(time.monotonic() - self._began, 3),
            "nodes": {
                name: {"state": self._state_of(client), "restarts": client.restarts}
                for name, client in self._nodes.items()
            },
            "last_error": report["errors"][-1] if report["errors"] else "",
            "errors": report["errors"],
            "configuration_error": "; ".join(dict.fromkeys(filter(None, configuration))),
            "report": report,
        }
        self._newest = status
        self._status.publish(String(data=json.dumps(status)))


def main() -> None:
    """Entry point of the executable."""
    yield_process(NICENESS)
    sys.exit(run(ControlNode, executor_threads=8))


if __name__ == "__main__":
    main()
