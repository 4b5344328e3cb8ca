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

"""Stop: stops the robot first, then the nodes in order, then their processes; counts Ctrl-C.

That takes a second or two. A training node in a long training round, or with a large state to
save, gets the time for it.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Protocol

from pamiq_ros.supervision.exit_policy import ENDS_WITHIN_S

from .supervisor import Event, Supervisor

CONTROL = "pamiq_control"
POLL_S = 0.05
ANSWERING_WITHIN_S = 0.5
ORDERLY_S = 3.0
# Nodes that were refused have nothing to complete.
KILL_REFUSED_AFTER_S = 0.2
GONE_AFTER_KILL_S = 5.0
LAST_STATUS_S = 0.3
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Signals to this process to end.

    Attributes:
        count: How many were received.
        newest: Name of the newest, such as SIGINT; empty before the first.
    """

    def __init__(self) -> None:
        self.count = 0
        self.newest = ""

    def install(self) -> None:
        """Handle the signals from now on; a hang-up only if it is not ignored (nohup)."""
        for number in _SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.count += 1
        self.newest = signal.Signals(number).name


class Control(Protocol):
    """The control node, seen from outside."""

    @property
    def is_shutdown(self) -> bool:
        """Whether the newest status is that of a shutdown."""

    @property
    def has_stopped_robot(self) -> bool:
        """Whether, by the newest status, the inference node has stopped to act."""

    def call_shutdown(self) -> bool:
        """Call `pamiq/shutdown` without waiting, and return whether the service exists."""


class Stop:
    """Ends every process; a further Ctrl-C kills them at once.

    Args:
        supervisor: The processes.
        control: The control node.
        interrupts: The signals that this process received.
        on_poll: Called a few times a second with the new events.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        control: Control,
        interrupts: Interrupts,
        on_poll: Callable[[list[Event]], None],
    ) -> None:
        self._supervisor = supervisor
        self._control = control
        self._interrupts = interrupts
        self._on_poll = on_poll
        self._tolerated = max(1, interrupts.count)
        self._began_s = time.monotonic()

    def run(self, orderly: bool) -> None:
        """End every process.

        Args:
            orderly: Whether the control node stops the robot and the nodes first, in the time that
                they need.
        """
        self._supervisor.stopping = True
        if orderly and self._until(self._asked, ANSWERING_WITHIN_S):
            if not self._until(self._is_done, ORDERLY_S) and self._control.has_stopped_robot:
                self._until(self._is_done, ENDS_WITHIN_S)
            # Its last message may arrive after its process has ended.
            self._until(lambda: self._control.is_shutdown, self._elapsed() + LAST_STATUS_S)
        self._supervisor.terminate()
        kill_after_s = ENDS_WITHIN_S if orderly else KILL_REFUSED_AFTER_S
        if not self._until(lambda: not self._supervisor.running, kill_after_s):
            self._supervisor.kill()
            self._tolerated = self._interrupts.count
            self._until(lambda: not self._supervisor.running, self._elapsed() + GONE_AFTER_KILL_S)

    def _asked(self) -> bool:
        # After our control node ended, the service may be that of another system.
        return CONTROL in self._supervisor.running and self._control.call_shutdown()

    def _is_done(self) -> bool:
        return CONTROL not in self._supervisor.running

    def _until(self, done: Callable[[], bool], at_s: float) -> bool:
        while True:
            self._on_poll(self._supervisor.poll())
            if done():
                return True
            if self._interrupts.count > self._tolerated or self._elapsed() >= at_s:
                return False
            time.sleep(POLL_S)

    def _elapsed(self) -> float:
        return time.monotonic() - self._began_s
