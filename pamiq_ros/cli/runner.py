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

"""Runner: one run of the graph, until it ends; its exit status and its report."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pamiq_ros.bringup.log_tail import Notice
from pamiq_ros.bringup.stopping import POLL_S, Interrupts, Stop
from pamiq_ros.bringup.supervisor import Event, Supervisor
from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION

from .display import SafeDisplay
from .status import Status
from .view import View, clock

if TYPE_CHECKING:
    from .system_client import Monitor

OK = 0
FAILED = 1
ACTIVE_WITHIN_S = 60.0
STALE_S = 3.0
SLOW_END_S = 4.0


class Cause(Enum):
    """The kinds of ends of a run."""

    SIGNAL = "signal"  # Ctrl-C or SIGTERM
    DURATION = "duration"  # the time of --duration is over
    GRAPH = "graph"  # the control node ended: somebody else called pamiq/shutdown
    CONFIGURATION = "configuration"
    FAILURE = "failure"


@dataclass(frozen=True)
class ExitReason:
    """Why a run ended.

    Attributes:
        cause: The kind of end.
        text: What happened, for the user.
    """

    cause: Cause
    text: str


def exit_status(
    reason: ExitReason, status: Status | None, killed: Sequence[str], failures: Sequence[str]
) -> tuple[int, str]:
    """Return the exit status and, unless it is 0, one line that explains it.

    Args:
        reason: Why the run ended.
        status: The last status that was received.
        killed: Nodes that were killed.
        failures: Failures while the nodes were stopped.
    """
    if reason.cause is Cause.CONFIGURATION:
        return BAD_CONFIGURATION, reason.text
    if reason.cause is Cause.FAILURE:
        return FAILED, reason.text
    if killed:
        return FAILED, f"{', '.join(killed)} had to be killed"
    if failures:
        return FAILED, "; ".join(failures)
    if status is None:
        return FAILED, "stopped before the control node published a status"
    if status.state != "shutdown":
        return FAILED, f"expected to end in the state 'shutdown', found '{status.state}'"
    if status.errors:
        count = len(status.errors)
        return FAILED, f"{count} error{'s' * (count > 1)}, the newest: {status.errors[-1]}"
    return OK, ""


class Runner:
    """Watches the nodes until the run ends, then stops them.

    Args:
        title: What is run, in a word or two.
        duration_s: How long to run in s, from when the nodes are active; None for no limit.
        supervisor: The nodes' processes.
        monitor: Receives the status of their control node.
        display: Shows the run.
        interrupts: The signals that this process received.

    Attributes:
        failures: Failures while the nodes were stopped.
    """

    def __init__(
        self,
        title: str,
        duration_s: float | None,
        supervisor: Supervisor,
        monitor: Monitor,
        display: SafeDisplay,
        interrupts: Interrupts,
    ) -> None:
        self.failures: list[str] = []
        self._title = title
        self._duration_s = duration_s
        self._supervisor = supervisor
        self._monitor = monitor
        self._display = display
        self._interrupts = interrupts
        self._active_s: float | None = None
        self._began_s = time.monotonic()
        self._stopping = False
        self._ended_s: float | None = None

    def run(self) -> ExitReason:
        """Run until the end, and return why it ended."""
        reason = None
        try:
            reason = self._watch()
        finally:
            self._stopping = True
            self._ended_s = time.monotonic()
            # Nodes that refused their configuration at the start have not moved the robot.
            refused = reason is not None and reason.cause is Cause.CONFIGURATION
            stop = Stop(self._supervisor, self._monitor, self._interrupts, self._on_stop_poll)
            stop.run(orderly=not refused or self._active_s is not None)
        return reason

    @property
    def restarts(self) -> dict[str, int]:
        """Restarts by the node's role, such as `inference`."""
        return {
            process.node.executable.removesuffix("_node"): self._supervisor.restarts[name]
            for name, process in self._supervisor.processes.items()
        }

    def view(self) -> View:
        """Return the present state."""
        now = time.monotonic() if self._ended_s is None else self._ended_s
        silent_s = now - self._monitor.received_s
        stale = self._monitor.status is not None and not self._stopping and silent_s > STALE_S
        problem = f"no status for {clock(silent_s)}" if stale else self._monitor.problem
        return View(
            title=self._title,
            status=self._monitor.status,
            elapsed_s=None if self._active_s is None else now - self._active_s,
            duration_s=self._duration_s,
            restarts=self.restarts,
            stopping=self._stopping,
            problem=self._slow_end() or problem,
        )

    def _slow_end(self) -> str:
        running = ", ".join(self._supervisor.running)
        if self._ended_s is None or time.monotonic() - self._ended_s < SLOW_END_S or not running:
            return ""
        return f"waiting for {running} to end; Ctrl-C again kills"

    def _watch(self) -> ExitReason:
        while True:
            events = self._supervisor.poll()
            self._show_notices(events)
            for event in events:
                if event.ends:
                    return self._reason_of(event)
            if reason := self._exit_reason():
                return reason
            self._display.show(self.view())
            time.sleep(POLL_S)

    def _exit_reason(self) -> ExitReason | None:
        if self._interrupts.count:
            return ExitReason(Cause.SIGNAL, f"asked to stop ({self._interrupts.newest})")
        if self._display.lost:
            return ExitReason(Cause.FAILURE, "the output was closed")
        now = time.monotonic()
        status = self._monitor.status
        if status is not None:
            if refused := status.text("configuration_error"):
                return ExitReason(Cause.CONFIGURATION, refused)
            if status.state == "active" and self._active_s is None:
                self._active_s = now
        if self._duration_s is None:
            return None
        if self._active_s is not None and now - self._active_s >= self._duration_s:
            return ExitReason(Cause.DURATION, f"ran for {self._duration_s:g} s")
        if self._active_s is None and now - self._began_s >= ACTIVE_WITHIN_S:
            found = f"found '{self.view().state}'"
            text = f"expected the nodes to be active within {ACTIVE_WITHIN_S:g} s, {found}"
            return ExitReason(Cause.FAILURE, text)
        return None

    def _reason_of(self, event: Event) -> ExitReason:
        if event.status == 0:
            return ExitReason(Cause.GRAPH, event.text)
        cause = Cause.CONFIGURATION if event.status == BAD_CONFIGURATION else Cause.FAILURE
        return ExitReason(cause, self._with_last_words(event))

    def _on_stop_poll(self, events: list[Event]) -> None:
        self._show_notices(events)
        self.failures += [self._with_last_words(event) for event in events if event.status]
        self._display.show(self.view())

    def _show_notices(self, events: list[Event]) -> None:
        for process in self._supervisor.processes.values():
            for notice in process.tail.notices():
                self._display.notice(notice)
        for event in events:
            if not self._stopping and event.restarts:
                text = self._with_last_words(event)
                self._display.notice(Notice("ERROR", "pamiq-ros", text))

    def _with_last_words(self, event: Event) -> str:
        words = self._supervisor.processes[event.node].tail.last_words()
        return f"{event.text}: {words}" if words else event.text


def write_report(path: Path, report: Mapping[str, Any], restarts: Mapping[str, int]) -> None:
    """Write a report in one step: the file is complete, or the old one stays.

    Args:
        path: The file; an existing one is replaced.
        report: The `report` of `pamiq/status`.
        restarts: Restarts counted here, by the node's role. They replace smaller reported ones: a
            node that died before it could report was only counted here.

    Raises:
        OSError: The file can't be written.
        ValueError: The report is not JSON.
    """
    reported = report.get("restarts")
    merged = dict(reported) if isinstance(reported, Mapping) else {}
    for role, count in restarts.items():
        known = merged.get(role)
        if count > (known if isinstance(known, int) else 0):
            merged[role] = count
    text = json.dumps({**report, "restarts": merged}, indent=2, allow_nan=False) + "\n"
    beside = path.absolute().with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
