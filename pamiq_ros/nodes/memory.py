"""Memory that was freed is kept for what comes next, in as few places as the node can bear."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Sequence

# Parameters of glibc's mallopt, and the largest threshold that it takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_LARGEST_MMAP_THRESHOLD = 32 * 2**20
KEPT_BYTES = 128 * 2**20

_USERS_CHOICES = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES")


def keep_freed_memory() -> bool:
    """Have the C library keep freed memory, up to `KEPT_BYTES` for each of its arenas.

    glibc gives large blocks back to the system when they are freed, and takes zeroed pages anew
    for the next message: at 100 pictures a second that was 70 % of the cost of receiving them.
    A user who set glibc's own variables keeps that choice.

    Returns:
        Whether it does; not with another C library.
    """
    return _set(
        _USERS_CHOICES, (_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD), (_TRIM_THRESHOLD, KEPT_BYTES)
    )


def share_one_arena() -> bool:
    """Have all threads take their memory from one place; before any others are started.

    glibc gives threads arenas of their own, in heaps of 64 MB that hold three layers of 17 MB and a
    gap. Which gaps are left changes with the order in which threads run, and the node grows by a
    layer now and then. Not for a thread that must never wait: the one place has one lock.

    Returns:
        Whether they do; not with another C library, nor against the user's choice.
    """
    return _set(("MALLOC_ARENA_MAX", "GLIBC_TUNABLES"), (_ARENA_MAX, 1))


def _set(users_choices: Sequence[str], *options: tuple[int, int]) -> bool:
    if any(os.environ.get(name) for name in users_choices):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and all(mallopt(*option) == 1 for option in options)
