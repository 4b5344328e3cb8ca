"""The learner's slots: memory that weights are written to, shared with processes of this host.

The memory is a file in the folder for shared memory, for this user alone. Its owner holds it locked
while it lives, and the kernel lets go of the lock however the owner ends: so a new owner knows what
a dead one left. Without shared memory the same slots lie in a file that has no name.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import time
import uuid
from pathlib import Path

import torch
from torch import Tensor

from pamiq_ros.core.own_files import open_own

from .slots import MARK_BYTES, is_file_name, mark

FOLDER = Path("/dev/shm")
YOUNGEST_S = 10.0
"""A file that is younger and still empty may be one that is just being made."""


class SlotStore:
    """Slots of one size.

    Attributes:
        file: The file's name in the folder; empty if it has none.
        capacity: Longest payload in bytes.
    """

    def __init__(self, slots: int, capacity: int, folder: Path | None = FOLDER) -> None:
        """Take the memory.

        Args:
            slots: How many slots.
            capacity: Longest payload in bytes.
            folder: Where the file is made; None: it gets no name.

        Raises:
            OSError: There is no such folder, or not enough memory.
        """
        page = mmap.PAGESIZE
        self.capacity = capacity
        self._stride = -(-(MARK_BYTES + capacity) // page) * page
        self.file = "" if folder is None else f"pamiq_ros-{os.getuid()}-{uuid.uuid4().hex}"
        self._path = None if folder is None else folder / self.file
        if self._path is None:
            self._descriptor = os.memfd_create("pamiq_ros", os.MFD_CLOEXEC)
        else:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            self._descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Taken now: memory that is found missing while it is written to ends the process.
            os.posix_fallocate(self._descriptor, 0, slots * self._stride)
            self._memory = mmap.mmap(self._descriptor, slots * self._stride)
        except BaseException:
            self._remove()
            raise
        self._bytes = torch.frombuffer(self._memory, dtype=torch.uint8)

    @property
    def is_there(self) -> bool:
        """Whether the file still has its name, so that other processes can open it."""
        if self._path is None:
            return False
        try:
            return os.path.samestat(self._path.stat(), os.fstat(self._descriptor))
        except OSError:
            return False

    def offset(self, slot: int) -> int:
        """Where the slot begins in the file, in bytes."""
        return slot * self._stride

    def begin(self, slot: int) -> Tensor:
        """Mark the slot as being written.

        Returns:
            uint8 [capacity]: the memory of its payload.
        """
        self._mark(slot, 0, 0)
        begin = self.offset(slot) + MARK_BYTES
        return self._bytes[begin : begin + self.capacity]

    def commit(self, slot: int, version: int) -> None:
        """Mark the slot as holding a version whole."""
        self._mark(slot, version, version)

    def payload(self, slot: int, size: int) -> memoryview:
        """The first `size` bytes of the slot's payload."""
        begin = self.offset(slot) + MARK_BYTES
        return memoryview(self._memory)[begin : begin + size]

    def close(self) -> None:
        """Remove the file; those who have it open can read on. Safe to call twice."""
        if self._descriptor >= 0:
            self._remove()
            self._bytes = torch.empty(0, dtype=torch.uint8)

    def _mark(self, slot: int, begun: int, done: int) -> None:
        # By a system call: no processor may see later writes to the slot before it.
        os.pwrite(self._descriptor, mark(begun, done), self.offset(slot))

    def _remove(self) -> None:
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = -1


def remove_leftovers(folder: Path = FOLDER) -> list[str]:
    """Remove the files of this user whose owners have died, and nothing else.

    Returns:
        Their names.
    """
    removed = []
    for path in folder.glob("pamiq_ros-*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if is_file_name(path.name) and _is_left_over(path):
                path.unlink()
                removed.append(path.name)
    return removed


def _is_left_over(path: Path) -> bool:
    descriptor = open_own(path)
    try:
        found = os.fstat(descriptor)
        if found.st_size == 0 and time.time() - found.st_mtime < YOUNGEST_S:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
    return True
