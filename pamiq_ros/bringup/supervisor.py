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

"""The nodes' processes: the folder of a run, starting, restarting and ending them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .description import NodeDescription
from .log_tail import LogTail


class NodeProcess:
    """One node as a child process in a session of its own, with its log in a file.

    The session keeps a terminal's Ctrl-C away from the node, which is stopped in order, and lets
    everything that the node started be ended with it.

    Args:
        node: The node.
        command: The command line.
        environment: All environment variables of the process.
        log: File for its output; truncated at the first start, appended to at later ones.
        restart_command: The command line of a restart; None: the same.

    Attributes:
        command: The command line.
        started_s: Monotonic time of the last start in s.
        tail: Reads the log.
        pid: Process id of the last start, also after its end; None before the first.
    """

    def __init__(
        self,
        node: NodeDescription,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        restart_command: Sequence[str] | None = None,
    ) -> None:
        self.node = node
        self.started_s = 0.0
        self.tail = LogTail(log)
        self.command = list(command)
        self._restart_command = self.command if restart_command is None else list(restart_command)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def running(self) -> bool:
        """Whether it was started, and `ended` has not found its end."""
        return self._process is not None

    def start(self) -> None:
        """Start the process.

        Raises:
            OSError: It can't be started, or its log can't be written.
        """
        mode = "ab" if self.started_s else "wb"
        with self.tail.path.open(mode) as log:
            self._process = subprocess.Popen(
                self._restart_command if self.started_s else self.command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.started_s = time.monotonic()

    def ended(self) -> int | None:
        """Return the exit status once after the process ended; negative for a signal's number.

        Kills what the process started and left behind.
        """
        process = self._process
        if process is None:
            return None
        # Until its leader is reaped, no other process group can get this group's number.
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        _signal_group(process.pid, signal.SIGKILL)
        self._process = None
        return process.wait()

    def terminate(self) -> None:
        """Send SIGTERM to the process."""
        if self._process is not None:
            # Popen.terminate might reap it first, and `ended` would not find its end.
            os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL to the process and everything it started."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return


class RunDirectory:
    """The private folder of a run, with the parameter files and perhaps the logs.

    Args:
        log_dir: Folder that the user chose for the logs; None for the private folder.

    Attributes:
        log_dir: Folder of the logs.
        keep_logs: Whether logs in the private folder are kept at the end.

    Raises:
        OSError: A folder can't be created.
    """

    def __init__(self, log_dir: Path | None) -> None:
        self._private = Path(tempfile.mkdtemp(prefix="pamiq_ros_"))
        self.keep_logs = False
        self._own_logs = log_dir is None
        self.log_dir = self._private / "log" if log_dir is None else log_dir.absolute()
        self.log_dir.mkdir(parents=True, exist_ok=True)

    @property
    def ros_log_dir(self) -> Path | None:
        """Folder of ROS's own logs; None if the user chose one by ROS_LOG_DIR alone."""
        if self._own_logs and os.environ.get("ROS_LOG_DIR"):
            return None
        return self.log_dir / "ros"

    def processes(
        self, nodes: Sequence[NodeDescription], environment: Mapping[str, str]
    ) -> list[NodeProcess]:
        """Return a process for each node, not started yet.

        Args:
            nodes: The nodes.
            environment: All environment variables of the processes.
        """
        return [
            NodeProcess(
                node,
                self._command(node, node.name),
                environment,
                self.log_dir / f"{node.name}.log",
                self._command(node.restarted, f"{node.name}.restarted"),
            )
            for node in nodes
        ]

    def remove(self) -> bool:
        """Remove the private folder, except for logs to keep.

        Returns:
            Whether there are logs afterwards.
        """
        has_logs = any(self.log_dir.glob("*.log"))
        if self._own_logs and self.keep_logs and has_logs:
            for path in self._private.glob("*.yaml"):
                path.unlink()
            return True
        shutil.rmtree(self._private)
        return has_logs and not self._own_logs

    def _command(self, node: NodeDescription, file: str) -> list[str]:
        parameters = self._private / f"{file}.yaml"
        parameters.write_text(node.parameters_yaml(), encoding="utf-8")
        module = f"{node.package}.nodes.{node.executable}"
        return [sys.executable, "-m", module, *node.ros_arguments(parameters)]


@dataclass(frozen=True)
class Event:
    """The end of a process and its consequence.

    Attributes:
        node: Name of the node.
        text: One line that describes it.
        ends: Whether the whole graph has to end because of it.
        status: Exit status with which the graph then ends.
        restarts: Whether the node is restarted.
    """

    node: str
    text: str
    ends: bool = False
    status: int = 0
    restarts: bool = False


class Supervisor:
    """Starts processes, restarts those that die, and ends them all.

    `ExitPolicy` decides whether and after which delay a node is restarted.

    Args:
        processes: The processes, in the order in which to start them.
        now: Monotonic time in s.

    Attributes:
        restarts: Restarts of each node, by name.
        killed: Nodes that were killed.
        stopping: Whether restarts have ended.
    """

    def __init__(
        self, processes: Sequence[NodeProcess], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.processes = {process.name: process for process in processes}
        self.restarts = dict.fromkeys(self.processes, 0)
        self.killed: list[str] = []
        self.stopping = False
        self._now = now
        self._policies = {name: p.node.exit_policy for name, p in self.processes.items()}
        self._due: dict[str, float] = {}

    @property
    def running(self) -> list[str]:
        """Names of the nodes whose processes run."""
        return [name for name, process in self.processes.items() if process.running]

    def start(self) -> None:
        """Start every process."""
        for name in self.processes:
            self._start(name)

    def poll(self) -> list[Event]:
        """Check the processes and restart those that are due; call it a few times a second.

        Returns:
            The events since the last call.
        """
        events = []
        for name, process in self.processes.items():
            status = process.ended()
            if status is not None:
                react = self._ended_while_stopping if self.stopping else self._ended
                events.append(react(name, status))
        if not self.stopping:
            for name in [name for name, due in self._due.items() if due <= self._now()]:
                self.restarts[name] += 1
                self._start(name)
        return events

    def terminate(self) -> None:
        """Send SIGTERM to every process; none is restarted from now on."""
        self.stopping = True
        for process in self.processes.values():
            process.terminate()

    def kill(self) -> None:
        """Kill every process that still runs."""
        self.stopping = True
        for name in self.running:
            if name not in self.killed:
                self.killed.append(name)
            self.processes[name].kill()

    def _start(self, name: str) -> None:
        self._due.pop(name, None)
        self.processes[name].start()
        self._policies[name].started(self._now())

    def _ended(self, name: str, status: int) -> Event:
        now = self._now()
        reaction = self._policies[name].exited(status, now)
        if reaction.action != "restart":
            return Event(name, reaction.reason, reaction.action == "end", reaction.status)
        self._due[name] = now + reaction.delay_s
        return Event(name, reaction.reason, restarts=True)

    def _ended_while_stopping(self, name: str, status: int) -> Event:
        if status in (0, -signal.SIGTERM) or name in self.killed:
            return Event(name, f"{name} ended")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        return Event(name, f"{name} died of {how} while it was stopping", status=1)
