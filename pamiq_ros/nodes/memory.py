"""Memory that was freed is kept for what comes next."""

from __future__ import annotations

import ctypes
import os

# Parameters of glibc's mallopt, and the largest threshold that it takes.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
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
    if any(os.environ.get(name) for name in _USERS_CHOICES):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return (
        mallopt is not None
        and mallopt(_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD) == 1
        and mallopt(_TRIM_THRESHOLD, KEPT_BYTES) == 1
    )
