"""Scheduling of processes and threads: priorities, CPUs, precise timers.

On Linux each thread has all of these for itself, under its own native id; 0 is the calling thread.
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
    """The CPUs of a list such as `0,2-3`; empty: no choice.

    Raises:
        ValueError: It is no such list, or names a CPU that this process may not use.
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
        cpus: CPUs it may run on; empty: as it was started.
        niceness: 0 to 19, the higher the more it yields. It counts among the threads of one
            session (autogroup) or control group only, where the kernel has those.
        policy: `other`, `batch` (no preference when it wakes up) or `idle` (runs when nobody else
            wants to).
        priority: Real-time priority by SCHED_FIFO, 1 to 99; 0 for none. Overrides the two before.
    """

    cpus: frozenset[int] = frozenset()
    niceness: int = 0
    policy: str = "other"
    priority: int = 0

    def apply(self, thread: int = 0) -> list[str]:
        """Schedule a thread so; what it starts later inherits all but the priority.

        Returns:
            What was refused, each with what to do about it; the rest is done nevertheless.
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
    """Have the calling thread wake up when it asked to; Linux else adds up to 50 µs (timer slack).

    A thread with a real-time priority has no slack by itself.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_TIMERSLACK, ctypes.c_ulong(1), 0, 0, 0)


def yield_process(niceness: int) -> None:
    """Make every thread of this process nicer, and those they start; any that is nicer stays so.

    Linux may count niceness within a session only (autogroup). A process that leads a session, as
    one started by `pamiq-ros` does, makes the session nicer too.

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
    """Schedule the calling thread; with a real-time priority, the other Python threads just below.

    One of them may hold the interpreter that this thread waits for. If it were then kept from its
    CPU by another process, that one would keep this thread waiting too. Threads that are started
    later get none, nor do those of torch's pools, which may spin.

    Returns:
        What was refused, each with what to do about it; the rest is done nevertheless.
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
