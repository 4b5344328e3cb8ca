"""Supervisor: keeps the nodes' processes running, and ends them all."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .node_process import NodeProcess


@dataclass(frozen=True)
class Event:
    """The end of a process, and what was made of it.

    Attributes:
        node: Name of the node.
        text: One line that says it.
        ends: Whether the whole graph has to end because of it.
        status: Exit status that the graph then ends with.
        restarts: Whether the node is started again.
    """

    node: str
    text: str
    ends: bool = False
    status: int = 0
    restarts: bool = False


class Supervisor:
    """Starts processes, starts those again that die, and ends them all.

    When a node is started again, and after which delay, is what `ExitPolicy` says.

    Args:
        processes: The processes, in the order to start them in.
        now: Monotonic time in s.

    Attributes:
        restarts: How often each node was started again, by name.
        killed: Nodes that had to be killed.
        stopping: Whether nothing is started again any more.
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
        """Look after the processes; to be called a few times a second.

        Returns:
            What has happened since the last call.
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
        """Ask every process to end (SIGTERM); nothing is started again from now on."""
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
