"""Runner: one run of the graph, from the first process to the reason why it ends."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from pamiq_ros.bringup.log_tail import Notice
from pamiq_ros.bringup.stopping import POLL_S, Interrupts, Stop
from pamiq_ros.bringup.supervisor import Event, Supervisor
from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION

from . import figures
from .display import SafeDisplay
from .options import Request
from .outcome import Cause, Ending
from .status import Status
from .view import View

if TYPE_CHECKING:
    from .monitor import Monitor

ACTIVE_WITHIN_S = 60.0
STALE_S = 3.0
SLOW_END_S = 4.0


class Runner:
    """Watches the nodes until the run is to end, then stops them.

    Args:
        request: What to run.
        supervisor: The nodes' processes.
        monitor: Hears the nodes.
        display: Shows the run.
        interrupts: The signals that came.

    Attributes:
        failures: What went wrong while stopping.
    """

    def __init__(
        self,
        request: Request,
        supervisor: Supervisor,
        monitor: Monitor,
        display: SafeDisplay,
        interrupts: Interrupts,
    ) -> None:
        self.failures: list[str] = []
        self._request = request
        self._supervisor = supervisor
        self._monitor = monitor
        self._display = display
        self._interrupts = interrupts
        self._active_s: float | None = None
        self._began_s = time.monotonic()
        self._stopping = False
        self._ended_s: float | None = None

    def run(self) -> Ending:
        """Run until the end.

        Returns:
            Why it ended.
        """
        ending = None
        try:
            ending = self._watch()
        finally:
            self._stopping = True
            self._ended_s = time.monotonic()
            stop = Stop(self._supervisor, self._monitor, self._interrupts, self._on_stop_poll)
            stop.run(orderly=self._is_to_be_asked(ending))
        return ending

    @property
    def last_status(self) -> Status | None:
        """The newest status of our own control node."""
        return self._monitor.status

    @property
    def restarts(self) -> dict[str, int]:
        """Restarts by the node's room, such as `inference`."""
        return {
            process.node.executable.removesuffix("_node"): self._supervisor.restarts[name]
            for name, process in self._supervisor.processes.items()
        }

    def view(self) -> View:
        """How things are now."""
        now = time.monotonic() if self._ended_s is None else self._ended_s
        silent_s = now - self._monitor.heard_s
        stale = self._monitor.status is not None and not self._stopping and silent_s > STALE_S
        problem = f"no status for {figures.clock(silent_s)}" if stale else self._monitor.problem
        return View(
            title=self._request.title,
            status=self._monitor.status,
            elapsed_s=None if self._active_s is None else now - self._active_s,
            duration_s=self._request.duration_s,
            restarts=self.restarts,
            stopping=self._stopping,
            problem=self._slow_end() or problem,
        )

    def _slow_end(self) -> str:
        running = ", ".join(self._supervisor.running)
        if self._ended_s is None or time.monotonic() - self._ended_s < SLOW_END_S or not running:
            return ""
        return f"waiting for {running} to end; Ctrl-C again kills"

    def _is_to_be_asked(self, ending: Ending | None) -> bool:
        # A configuration that was refused at the start has moved no robot: nothing to stop first.
        refused = ending is not None and ending.cause is Cause.CONFIGURATION
        return not refused or self._active_s is not None

    def _watch(self) -> Ending:
        while True:
            events = self._supervisor.poll()
            self._relay(events)
            for event in events:
                if event.ends:
                    return self._ending_of(event)
            ending = self._ending()
            if ending is not None:
                return ending
            self._display.show(self.view())
            time.sleep(POLL_S)

    def _ending(self) -> Ending | None:
        if self._interrupts.count:
            return Ending(Cause.ASKED, f"asked to stop ({self._interrupts.newest})")
        if self._display.lost:
            return Ending(Cause.FAILURE, "the output was closed")
        status = self._monitor.status
        if status is not None:
            refused = status.text("configuration_error")
            if refused:
                return Ending(Cause.CONFIGURATION, refused)
            if status.state == "active" and self._active_s is None:
                self._active_s = time.monotonic()
        return self._ending_by_time()

    def _ending_by_time(self) -> Ending | None:
        duration_s = self._request.duration_s
        if duration_s is None:
            return None
        now = time.monotonic()
        if self._active_s is not None and now - self._active_s >= duration_s:
            return Ending(Cause.DURATION, f"ran for {duration_s:g} s")
        if self._active_s is None and now - self._began_s >= ACTIVE_WITHIN_S:
            state = self.view().state
            return Ending(
                Cause.FAILURE,
                f"expected the nodes to be active within {ACTIVE_WITHIN_S:g} s, found '{state}'",
            )
        return None

    def _ending_of(self, event: Event) -> Ending:
        if event.status == 0:
            return Ending(Cause.GRAPH, event.text)
        cause = Cause.CONFIGURATION if event.status == BAD_CONFIGURATION else Cause.FAILURE
        return Ending(cause, self._with_last_words(event))

    def _on_stop_poll(self, events: list[Event]) -> None:
        self._relay(events)
        self.failures += [self._with_last_words(event) for event in events if event.status]
        self._display.show(self.view())

    def _relay(self, events: list[Event]) -> None:
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
