"""Which running system this is."""

from __future__ import annotations

import platform
from functools import lru_cache
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's boot id (random(4)): the same for all processes until the next boot."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return platform.node() or "unknown"
