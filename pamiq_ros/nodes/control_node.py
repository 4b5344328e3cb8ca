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

"""control_node: configures, activates, pauses and ends the other nodes; publishes the status."""

from __future__ import annotations

import itertools
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.node import Node
from std_srvs.srv import Trigger

from pamiq_ros.compat import parameter_overrides
from pamiq_ros.runtime.scheduling import yield_process
from pamiq_ros.supervision.claims import NameClaim, NameTakenError, taken_by
from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION
from pamiq_ros.supervision.lifecycle import ACTIVE, FINALIZED, INACTIVE
from pamiq_ros.supervision.managed_client import ManagedClient
from pamiq_ros.supervision.robot_guard import RobotGuard, RobotStop
from pamiq_ros.supervision.ros_time import steady_timer
from pamiq_ros.supervision.status import INFERENCE, TRAINING, OwnPauses, all_received
from pamiq_ros.supervision.system_status import SystemStatus

from .main import destroyed_if_refused, run_unless_refused
from .parameters import declare, source
from .params_file import for_no_node, given_files, is_of_ros, sections
from .tables import CONTROL_PARAMETERS, TABLES

STATUS_PERIOD_S = 0.5
NICENESS = 5  # what it does may wait for the robot
DRAIN_S = 1.5


class ControlNode(Node):
    """Serves pamiq/pause, resume, save_state and shutdown; publishes the latched pamiq/status.

    Attributes:
        finished: Whether the system was shut down and this process should end.
        exit_status: What the process ends with.
    """

    exit_status = 0

    def __init__(self) -> None:
        super().__init__("pamiq_control")
        self._claim = NameClaim(self.get_fully_qualified_name(), self.context.get_domain_id())
        with destroyed_if_refused(self):
            self._claim.take()
        self.finished = False
        self._commands = itertools.count(1)
        self._newest_command = 0
        self._adopting = threading.Lock()
        errors = [f"pamiq_control: {e}" for e in declare(self, CONTROL_PARAMETERS).values()]
        for error in errors:
            self.get_logger().error(error)
        self._warn_of_unread_parameters()
        group = ReentrantCallbackGroup()
        timeout = self.get_parameter("transition_timeout").value
        self._nodes: dict[str, ManagedClient] = {}
        self._own_pauses = OwnPauses()
        robot_stop = RobotStop(self, INFERENCE, group)
        self._status = SystemStatus(self, self._nodes, robot_stop, errors, group)
        for name in (INFERENCE, TRAINING):
            self._nodes[name] = ManagedClient(self, name, timeout, self._look)
        actor = self._nodes[INFERENCE]
        self._guard = RobotGuard(
            self, INFERENCE, self._may_move, robot_stop, group, actor.doubt, actor.ask_again
        )
        # A robot is not set in motion by what could not be seen to die, nor if it is another's.
        actor.may_activate = lambda: self._guard.sees_life and not self._status.rivals.winner
        self._serve("pamiq/pause", self._pause, group)
        self._serve("pamiq/resume", self._resume, group)
        self._serve("pamiq/shutdown", self._shutdown, group)
        self.create_service(Trigger, "pamiq/save_state", self._save_state, callback_group=group)
        steady_timer(self, STATUS_PERIOD_S, self._look, group)
        if errors:
            return
        if uptime := self.get_parameter("max_uptime").value:
            self.create_timer(uptime, self._end_of_uptime, callback_group=group)
        if self.get_parameter("autostart").value:
            for client in self._nodes.values():
                client.want(ACTIVE, on_paused=self._adopt_pause)

    def _warn_of_unread_parameters(self) -> None:
        files = given_files()
        for path in files:
            for section in sections(path):
                if why := for_no_node(section, self.get_namespace(), TABLES):
                    self.get_logger().warning(f"{path}: {why}")
        known = {row.name for table in TABLES.values() for row in table}
        for name in set(parameter_overrides(self)) - known:
            given, is_for_all = source(self, name, files)
            if is_for_all and not is_of_ros(name):
                self.get_logger().warning(
                    f"parameter '{name}', given by {given}, is not used: no node of pamiq_ros has "
                    "one of that name"
                )

    def stop(self) -> None:
        """Stop driving the nodes; they continue what they do."""
        for client in self._nodes.values():
            client.close()
        self._claim.release()

    def _serve(self, name: str, action: Callable[[], str], group: ReentrantCallbackGroup) -> None:
        def answer(_: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            self.get_logger().info(f"{name} was called")
            with self._adopting:
                self._newest_command = next(self._commands)
            failure = action()
            response.success = not failure
            response.message = failure or self._status.state()
            self._look()
            return response

        self.create_service(Trigger, name, answer, callback_group=group)

    def _save_state(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        # No command: the nodes continue as they are, and a pause may arrive meanwhile.
        self.get_logger().info("pamiq/save_state was called")
        timeout = self.get_parameter("save_timeout").value
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            saved = list(pool.map(lambda client: client.save(timeout), self._nodes.values()))
        failures = [failure for _, failure in saved if failure]
        response.success = not failures
        # The later id stands for both: a node resumes from its newest state not after it.
        response.message = "; ".join(failures) or max(state for state, _ in saved)
        return response

    def _end_of_uptime(self) -> None:
        if self._status.wanted != FINALIZED:
            self.get_logger().info("max_uptime has passed: the system shuts down")
            self._newest_command = next(self._commands)
            self._shutdown()

    def _may_move(self) -> bool:
        client = self._nodes.get(INFERENCE)
        return client is not None and client.may_run

    def _want(self, state: str) -> None:
        self._status.wanted, self._status.paused_by = state, ""
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
        with self._adopting:
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
        self._status.wanted = FINALIZED
        inference, training = self._nodes[INFERENCE], self._nodes[TRAINING]
        if inference.state == ACTIVE:
            inference.want(INACTIVE)
            self._wait(inference)
            deadline = time.monotonic() + DRAIN_S
            while time.monotonic() < deadline and not all_received(self._status.report()):
                time.sleep(0.02)
        if training.state == ACTIVE:
            training.want(INACTIVE)
            self._wait(training)
        failure = self._reach(FINALIZED)
        self.finished = self._status.wanted == FINALIZED
        return failure

    def _look(self) -> None:
        if self._status.rivals.winner:
            self._give_way()
        for client in self._nodes.values():
            client.look()
        reports = {name: client.report for name, client in self._nodes.items()}
        if (name := self._own_pauses.newly(reports)) and self._status.wanted == ACTIVE:
            self.get_logger().error(f"{name} paused for a fault: the system is paused")
            self._newest_command = next(self._commands)
            self._want(INACTIVE)
            self._status.paused_by = name
        self._guard.look()
        self._status.publish()

    def _give_way(self) -> None:
        # Not by the nodes' services, which the other system's nodes serve too: our own ones are
        # ended, and with them their robot's motion, by whoever started them.
        if not self.finished:
            winner, domain = self._status.rivals.winner, self.context.get_domain_id()
            self.get_logger().fatal(taken_by(winner, self.get_fully_qualified_name(), domain))
        self.exit_status, self.finished = BAD_CONFIGURATION, True


def main() -> None:
    """Entry point of the executable."""
    yield_process(NICENESS)
    sys.exit(run_unless_refused(ControlNode, NameTakenError, "pamiq_control", executor_threads=8))


if __name__ == "__main__":
    main()
