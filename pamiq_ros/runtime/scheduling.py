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

"""Scheduling of processes and threads: priorities, CPUs, precise timers.

Linux schedules each thread separately, by its native id. The id 0 is the calling thread.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

POLICIES = ("other", "batch", "idle")
_NUMBERS = {"other": 0, "batch": 3, "idle": 5}  # <linux/sched.h>; os has them on Linux alone
_PR_SET_TIMERSLACK = 29
_RANGE = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


def parse_cpus(text: str) -> frozenset[int]:
    """Parse a list of CPUs such as `0,2-3`. An empty text gives an empty set.

    Raises:
        ValueError: The text is not such a list, or names a CPU that this process may not use.
    """
    cpus: set[int] = set()
    allowed = os.sched_getaffinity(os.getpid())
    for part in text.split(",") if text.strip() else ():
        match = _RANGE.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
        if first > last:
            raise ValueError(f"expected a list of CPUs such as '0,2-3', found {text!r}")
        cpus.update(range(first, last + 1))
    if cpus - allowed:
        raise ValueError(
            f"expected CPUs that this process may use, of {sorted(allowed)}; found {text!r}"
        )
    return frozenset(cpus)


@dataclass(frozen=True)
class Scheduling:
    """How one thread is scheduled.

    Attributes:
        cpus: CPUs that it may run on; empty: unchanged.
        niceness: 0 to 19; higher yields more. Where the kernel has sessions (autogroup) or control
            groups, it only counts among the threads of one of them.
        policy: `other`, `batch` (no preference at wake-up) or `idle` (runs when no other thread
            wants to).
        priority: Real-time priority (SCHED_FIFO), 1 to 99; 0: none. Overrides the two before.
    """

    cpus: frozenset[int] = frozenset()
    niceness: int = 0
    policy: str = "other"
    priority: int = 0

    def apply(self, thread: int = 0) -> list[str]:
        """Apply the settings to a thread. Threads that it starts inherit all but the priority.

        Returns:
            One text with a remedy for each setting that was refused. The others are applied.
        """
        refused: list[str] = []
        if self.cpus:
            try:
                os.sched_setaffinity(thread, self.cpus)
            except OSError as error:  # CPUs come and go
                refused.append(f"CPUs {sorted(self.cpus)} can't be used now: {error.strerror}")
        # Only a privileged process may become less nice than it was started.
        niceness = max(self.niceness, os.getpriority(os.PRIO_PROCESS, thread))
        os.setpriority(os.PRIO_PROCESS, thread, niceness)
        if self.policy != "other":
            os.sched_setscheduler(thread, _NUMBERS[self.policy], os.sched_param(0))
        if self.priority and len(os.sched_getaffinity(os.getpid())) == 1:
            refused.append("a real-time priority on the only CPU could keep all else from running")
        elif self.priority:
            # Reset: a pool of torch that spins at this priority would starve all others.
            policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
            try:
                os.sched_setscheduler(thread, policy, os.sched_param(self.priority))
            except PermissionError as error:
                refused.append(
                    f"real-time priority {self.priority} is not permitted ({error.strerror}); "
                    f"allow it with 'USER - rtprio {self.priority}' in /etc/security/limits.conf "
                    f"and a new login, or for a container with --ulimit rtprio={self.priority} "
                    "--cap-add sys_nice"
                )
        return refused


def precise_timers() -> None:
    """Set the timer slack of the calling thread to 1 ns; the default of Linux is 50 µs.

    Threads with a real-time priority have no slack.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0)


def yield_process(niceness: int) -> None:
    """Raise the niceness of all threads of this process to at least `niceness`.

    Linux may compare niceness only within a session (autogroup). A process that leads a session, as
    those that `pamiq-ros` starts, raises the session's niceness too.

    Args:
        niceness: 0 to 19.
    """
    for thread in Path("/proc/self/task").iterdir():
        with contextlib.suppress(ProcessLookupError):  # it may have ended
            Scheduling(niceness=niceness).apply(int(thread.name))
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):  # a kernel without autogroups
            Path("/proc/self/autogroup").write_text(str(niceness), encoding="ascii")


def prefer_this_thread(scheduling: Scheduling) -> list[str]:
    """Apply settings to the calling thread, and a priority one below to the other Python threads.

    Another Python thread may hold the interpreter lock while this thread waits for it. If a third
    process preempted that thread, it would delay this one too. Threads that are started later and
    torch's pools, whose threads may spin, get no real-time priority.

    Returns:
        One text with a remedy for each setting that was refused. The others are applied.
    """
    refused = scheduling.apply()
    if scheduling.priority > 1 and not refused:
        for thread in threading.enumerate():
            if thread.native_id is not None and thread is not threading.current_thread():
                with contextlib.suppress(ProcessLookupError):  # it may have ended
                    _lift(thread.native_id, scheduling.priority - 1)
    return refused


def _lift(thread: int, priority: int) -> None:
    if os.sched_getscheduler(thread) & ~os.SCHED_RESET_ON_FORK == os.SCHED_OTHER:
        policy = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
        os.sched_setscheduler(thread, policy, os.sched_param(priority))
