"""Priorities of all threads of a process, beside the one that ticks or trains (Linux)."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from .real_time import Scheduling


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
