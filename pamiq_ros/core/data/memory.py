"""Memory: whether something fits before it is allocated."""

from __future__ import annotations

import os
from pathlib import Path

_MEMINFO = Path("/proc/meminfo")


def available_memory() -> int:
    """Bytes that can be allocated without swapping."""
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def require_memory(needed: int, what: str) -> None:
    """Check that there is memory for something.

    Args:
        needed: Bytes it takes.
        what: What it is, for the error.

    Raises:
        MemoryError: There is not; says how many bytes are needed and available.
    """
    available = available_memory()
    if needed > available:
        raise MemoryError(f"{what} needs {needed} bytes, {available} bytes are available")
