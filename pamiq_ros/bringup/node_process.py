"""NodeProcess: one node as a child process, in a session of its own, with its log in a file."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from pamiq_ros.bringup import NodeDescription

from .log_tail import LogTail


class NodeProcess:
    """Starts a node's process, tells whether it has ended, and ends it.

    The session of its own keeps a terminal's Ctrl-C away from the node, which is to be stopped in
    order, and lets everything that the node started itself be ended with it.

    Args:
        node: The node.
        command: The command line.
        environment: All environment variables of the process.
        log: File for its output; emptied at the first start, appended to at the next ones.
        again: The command line to start it again; None: the same.

    Attributes:
        command: The command line.
        started_s: Monotonic time of the last start in s.
        tail: Reads the log.
        pid: Process id of the newest start, also once it has ended; None before the first.
    """

    def __init__(
        self,
        node: NodeDescription,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        again: Sequence[str] | None = None,
    ) -> None:
        self.node = node
        self.started_s = 0.0
        self.tail = LogTail(log)
        self.command = list(command)
        self._again = self.command if again is None else list(again)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None
        self.pid: int | None = None

    @property
    def name(self) -> str:
        """The node's name."""
        return self.node.name

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended, as far as `ended` has found."""
        return self._process is not None

    def start(self) -> None:
        """Start the process.

        Raises:
            OSError: It can't be started, or its log can't be written.
        """
        mode = "ab" if self.started_s else "wb"
        with self.tail.path.open(mode) as log:
            self._process = subprocess.Popen(
                self._again if self.started_s else self.command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self._process.pid
        self.started_s = time.monotonic()

    def ended(self) -> int | None:
        """The exit status, once, when the process has ended; negative for a signal's number.

        Everything that the process had started and left behind is ended as well.
        """
        process = self._process
        if process is None:
            return None
        # While its leader is not reaped yet, the group's number can't belong to another one.
        if os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return None
        _signal_group(process.pid, signal.SIGKILL)
        self._process = None
        return process.wait()

    def terminate(self) -> None:
        """Ask the process to end (SIGTERM)."""
        if self._process is not None:
            # Popen's own way might reap it first, and `ended` would find nothing left to look at.
            os.kill(self._process.pid, signal.SIGTERM)

    def kill(self) -> None:
        """End the process and everything it started (SIGKILL)."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGKILL)


def _signal_group(group: int, number: signal.Signals) -> None:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return  # nobody left
