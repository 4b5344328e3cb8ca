"""Scratch folders in memory: written to between two ticks, without waiting for any disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

MEMORY = Path("/dev/shm")
YOUNGEST_S = 10.0
"""A folder that is younger and still empty may be one that is just being made."""

_PREFIX = "pamiq_ros-state-"


@contextlib.contextmanager
def scratch_folder(memory: Path = MEMORY) -> Iterator[Path]:
    """A new folder for this user alone, in memory if the system has such a place; removed after.

    It is locked as long as this process lives, so that others know whether it was left over.
    """
    place = memory if memory.is_dir() and os.access(memory, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getuid()}-", dir=place))
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


def remove_left_scratch(memory: Path = MEMORY) -> None:
    """Remove the folders of this user that processes which were killed left in memory."""
    for path in memory.glob(f"{_PREFIX}{os.getuid()}-*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or its owner lives
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                if _is_left(descriptor):
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)


def _is_left(folder: int) -> bool:
    found = os.fstat(folder)
    is_new = time.time() - found.st_mtime < YOUNGEST_S and not os.listdir(folder)
    return found.st_uid == os.geteuid() and not is_new
