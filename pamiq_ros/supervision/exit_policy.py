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

"""What to do when a node's process ends: start it again, end the graph, or leave it."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

BAD_CONFIGURATION = 2
"""Exit status of a node whose configuration is wrong: to start it again would help nobody."""

GAVE_UP = 70
"""Exit status of a node that ends the whole system for a fault (EX_SOFTWARE of sysexits.h)."""

ENDS_WITHIN_S = 120.0
"""How long a node that is asked to end is waited for, in s: a learner first ends its trainer's run
and saves its last state. Then it is killed."""

MOST_DEATHS = 5
DEATHS_WITHIN_S = 60.0

_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 30.0
_HEALTHY_AFTER_S = 60.0


@dataclass(frozen=True)
class Reaction:
    """What to do about a process that ended.

    Attributes:
        action: `restart` the node, `end` the whole graph, or `leave` it ended.
        reason: One line for the log.
        delay_s: How long to wait before a restart, in seconds.
        status: Exit status that the graph ends with.
    """

    action: Literal["restart", "end", "leave"]
    reason: str
    delay_s: float = 0.0
    status: int = 0


class ExitPolicy:
    """Decides for one node what its ends mean.

    A node that dies is started again after a second. One that dies again and again is given twice
    the time at each death, up to half a minute, so that its starting up does not take the processor
    from the nodes that run; after a minute of life the count begins anew. After 5 deaths within a
    minute the graph ends, which stops the robot.

    Args:
        name: The node's name.
        respawn: Whether it is started again when it dies; else the graph ends with it.
        ends_graph: Whether the graph ends with it when it ends well.
    """

    def __init__(self, name: str, respawn: bool = True, ends_graph: bool = False) -> None:
        self.restarts = 0
        self._name, self._respawn, self._ends_graph = name, respawn, ends_graph
        self._deaths_in_a_row = 0
        self._deaths_s: deque[float] = deque(maxlen=MOST_DEATHS)
        self._started_s = 0.0

    def started(self, now_s: float) -> None:
        """Take note that the process was started.

        Args:
            now_s: Monotonic time in seconds.
        """
        self._started_s = now_s

    def exited(self, status: int, now_s: float) -> Reaction:
        """Decide what to do now that the process has ended.

        Args:
            status: Its exit status; negative for the number of the signal that ended it.
            now_s: Monotonic time in seconds.

        Returns:
            The reaction; for a restart, call `started` when it is done.
        """
        name = self._name
        if status == BAD_CONFIGURATION:
            return Reaction("end", f"{name} refused to start", status=BAD_CONFIGURATION)
        if status == GAVE_UP:
            return Reaction("end", f"{name} gave up", status=1)
        if status == 0:
            if self._ends_graph:
                return Reaction("end", f"{name} ended, and with it the graph")
            return Reaction("leave", f"{name} ended")
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        if not self._respawn:
            return Reaction("end", f"{name} died of {how}", status=1)
        self._deaths_s.append(now_s)
        if len(self._deaths_s) == MOST_DEATHS and now_s - self._deaths_s[0] <= DEATHS_WITHIN_S:
            text = f"{name} died {MOST_DEATHS} times within {DEATHS_WITHIN_S:g} s, given up"
            return Reaction("end", text, status=1)
        delay_s = self._next_delay_s(now_s)
        self.restarts += 1
        return Reaction("restart", f"{name} died of {how}, restart in {delay_s:g} s", delay_s)

    def _next_delay_s(self, now_s: float) -> float:
        if now_s - self._started_s >= _HEALTHY_AFTER_S:
            self._deaths_in_a_row = 0
        doublings = min(self._deaths_in_a_row, 10)
        self._deaths_in_a_row += 1
        return min(_FIRST_DELAY_S * 2.0**doublings, _LONGEST_DELAY_S)
