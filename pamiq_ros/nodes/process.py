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

"""Settings of a node's process: its end in bounded time, its end with its parent, its memory."""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import os
import signal
import sys
from collections.abc import Iterator, Sequence

PARENT_VARIABLE = "PAMIQ_ROS_DIE_WITH_PARENT"
"""Environment variable with the process id of the supervisor that a node must not outlive."""

LONGEST_END_S = 40.0
KEPT_BYTES = 128 * 2**20

_STANDARD_ERROR = 2
_PR_SET_PDEATHSIG = 1
# Parameters of glibc's mallopt, and the largest threshold that it accepts.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
_USER_VARIABLES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def must_end() -> None:
    """End this process in 40 s at the latest, then with a traceback and exit status 1.

    Fast DDS can deadlock while a participant is destroyed and others come and go
    (https://github.com/eProsima/Fast-DDS/issues/6502). The deadlocked thread may hold Python's
    lock, so only a thread that does not need the lock can end the process.
    """
    faulthandler.dump_traceback_later(LONGEST_END_S, exit=True, file=_STANDARD_ERROR)


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """End this process, as `must_end`, if the enclosed code takes longer than 40 s."""
    must_end()
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()


def die_with_parent() -> None:
    """Send SIGTERM to this process when the supervisor that started it dies, even by SIGKILL."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # prctl(2)
        if os.getppid() != int(parent):
            os.kill(os.getpid(), signal.SIGTERM)


def keep_freed_memory() -> bool:
    """Make the C library keep freed memory, up to `KEPT_BYTES` per arena.

    glibc returns large freed blocks to the system and requests zeroed pages for the next message.
    At 100 images per second that was 70 % of the cost of receiving them. Settings that the user
    made by glibc's own variables are not changed.

    Returns:
        Whether the setting was made; False for another C library or a setting of the user.
    """
    return _set(
        _USER_VARIABLES, (_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD), (_TRIM_THRESHOLD, KEPT_BYTES)
    )


def share_one_arena() -> bool:
    """Make all threads allocate from one arena. Call it before other threads start.

    By default glibc gives threads arenas of their own, in heaps of 64 MB that hold three layers of
    17 MB and a gap. Which gaps remain depends on the order in which threads run, so the node grows
    by a layer now and then. Not for a process with a real-time thread: the one arena has one lock.

    Returns:
        Whether the setting was made; False for another C library or a setting of the user.
    """
    return _set(("MALLOC_ARENA_MAX", "GLIBC_TUNABLES"), (_ARENA_MAX, 1))


def _set(user_variables: Sequence[str], *options: tuple[int, int]) -> bool:
    if any(os.environ.get(name) for name in user_variables):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*option) == 1 for option in options)
