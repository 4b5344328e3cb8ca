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

"""Weights in shared memory: a learner's file, written and read without either waiting.

The file has a few places of equal size. A place contains one version of weights as a payload (see
`weights.py`), written over an older one. The payload's first eight bytes, its header's length, are
zero while it is being written, and its header names the version. So a reader that finds the same
header before and after it copied the tensors has one version whole.

The owner keeps the file locked (flock(2)) while it lives. The kernel releases the lock however the
owner ends, so a file that can be locked is a leftover.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import platform
import time
import uuid
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pamiq_ros.core.model import StaleParameters, TensorSpec
from pamiq_ros.core.model.parameters import BLOCK_BYTES, block_is_finite, copy_finite
from pamiq_ros.core.own_files import open_own

from .header import MAX_HEADER_BYTES, Layout, PayloadError, read_header
from .payload import Payload, check_digest, check_schema, decode, integer, text
from .versions import MAX_VERSION
from .weights import SCHEMA, Descriptor, is_file_name

FOLDER = Path("/dev/shm")
YOUNGEST_S = 10.0
"""An empty file younger than this may belong to a learner that has not locked it yet."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_FIRST_READ = 65536

Bytes = npt.NDArray[np.uint8]


class Overtaken(StaleParameters):
    """A newer version is in the place, or is being written there; its own descriptor follows."""


class WeightsMemory:
    """A learner's memory for several versions of weights of one layout.

    Attributes:
        layout: How the payload of each version is laid out.
        file: The file's name in the folder; empty if it has none.
    """

    def __init__(self, layout: Layout, places: int, folder: Path | None = FOLDER) -> None:
        """Allocate the memory.

        Args:
            layout: How the payload of each version is laid out.
            places: How many versions it has room for.
            folder: Where the file is created, for this user alone; None: it gets no name.

        Raises:
            OSError: There is no such folder, or not enough memory.
        """
        self.layout = layout
        self._stride = -(-layout.size // mmap.PAGESIZE) * mmap.PAGESIZE
        self.file = "" if folder is None else f"pamiq_ros-{os.getuid()}-{uuid.uuid4().hex}"
        self._path = None if folder is None else folder / self.file
        if self._path is None:
            self._descriptor = os.memfd_create("pamiq_ros", os.MFD_CLOEXEC)
        else:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            self._descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Allocated now: a write to memory that turns out to be missing ends the process.
            os.posix_fallocate(self._descriptor, 0, places * self._stride)
            self._memory = mmap.mmap(self._descriptor, places * self._stride)
        except BaseException:
            self.close()
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

    def write(self, place: int, tensors: Mapping[str, Tensor]) -> str | None:
        """Copy the tensors into a place; readers find no version there until `commit`.

        Returns:
            The name of a tensor that is not finite, or None.
        """
        # By a system call: a reader must not see what follows before it.
        os.pwrite(self._descriptor, bytes(8), self.offset(place))
        memory = self._bytes[self.offset(place) :]
        for name, view in self.layout.views(memory).items():
            if not copy_finite(tensors[name].detach().cpu(), view):
                return name
        return None

    def commit(self, place: int, metadata: Mapping[str, str]) -> None:
        """Complete the payload in a place: readers find the version from now on."""
        header, offset = self.layout.header(metadata), self.offset(place)
        os.pwrite(self._descriptor, header[8:], offset + 8)
        os.pwrite(self._descriptor, header[:8], offset)

    def offset(self, place: int) -> int:
        """Where a place begins in the file, in bytes."""
        return place * self._stride

    def payload(self, place: int) -> memoryview:
        """The committed payload in a place."""
        return memoryview(self._memory)[self.offset(place) :][: self.layout.size]

    def close(self) -> None:
        """Remove the file; who has it open can read on. Safe to call twice."""
        if self._descriptor < 0:
            return
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor, self._bytes = -1, torch.empty(0, dtype=torch.uint8)


class WeightsFile:
    """A learner's file, open for reading.

    The file is mapped, since read(2) takes half as long again. A process that reads mapped memory
    behind the end of its file is killed (mmap(2), SIGBUS), and this one drives a robot: the file's
    length is checked before each block, although its owner never shortens it.

    Attributes:
        name: Its name in the folder.
    """

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        """Open it.

        Raises:
            OSError: There is no such file.
            PermissionError: It is no learner's file, or others than this user could have written
                it.
        """
        if not is_file_name(name):
            raise PermissionError(f"expected a learner's file name, found {name[:80]!r}")
        self.name = name
        self._descriptor = open_own(folder / name)
        found = os.fstat(self._descriptor)
        if found.st_mode & 0o022 or found.st_size == 0:
            self.close()
            raise PermissionError(f"{name}: expected a file that only this user can write")
        memory = mmap.mmap(self._descriptor, found.st_size, access=mmap.ACCESS_READ)
        self._bytes: Bytes = np.frombuffer(memory, dtype=np.uint8)

    def begin(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset` on, by a system call; fewer at the file's end."""
        return os.pread(self._descriptor, size, offset)

    def read(self, offset: int, into: Bytes) -> None:
        """Fill `into` from the file, without the interpreter lock.

        Raises:
            StaleParameters: The file ends before.
        """
        end = offset + len(into)
        if end > len(self._bytes) or end > os.fstat(self._descriptor).st_size:
            raise StaleParameters(f"{self.name} ends before byte {end}")
        np.copyto(into, self._bytes[offset:end])

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._bytes = np.empty(0, dtype=np.uint8)


class SharedWeights:
    """One version of weights in a learner's file: a `ParameterReader`.

    Attributes:
        specs: Dtype and shape of each tensor, by name.
        metadata: The payload's metadata.
    """

    def __init__(self, file: WeightsFile, where: Descriptor) -> None:
        """Read the header.

        Raises:
            Overtaken: A newer version has taken its place.
            StaleParameters: The version is not there, or not whole.
            PayloadError: Something else is there.
        """
        self._file, self._offset, self._size = file, where.offset, where.size
        self._raw = _raw_header(file, where)
        self.check()  # two halves of two headers may look like anything
        header = read_header(memoryview(self._raw), where.size)
        self.metadata = header.metadata
        check_schema(self.metadata, SCHEMA)
        check_digest(self.metadata, where.digest)
        if (source := text(self.metadata, "source")) != where.source:
            raise PayloadError(f"expected weights of {where.source!r}, found {source!r}")
        version = integer(self.metadata, "version", 1, MAX_VERSION)
        if version != where.version:
            error = Overtaken if version > where.version else StaleParameters
            raise error(f"expected version {where.version}, found {version}")
        self._begins = {
            span.name: where.offset + header.start + span.begin for span in header.spans
        }
        self.specs = {span.name: TensorSpec(span.dtype, span.shape) for span in header.spans}

    def read(self, name: str, into: Tensor) -> None:
        """Copy one tensor; see `ParameterReader.read`."""
        flat = into.detach().reshape(-1)
        if flat.numel() == 0:
            return
        memory, begin = flat.view(torch.uint8).numpy(), self._begins[name]
        finite = into.is_floating_point() or into.is_complex()
        count = BLOCK_BYTES // flat.element_size()
        for index, at in enumerate(range(0, len(memory), BLOCK_BYTES)):
            self._file.read(begin + at, memory[at : at + BLOCK_BYTES])
            if finite and not block_is_finite(flat[index * count : (index + 1) * count]):
                self.check()  # halves of two versions are not a wrong number
                raise ValueError(f"parameter {name}: expected finite values, found NaN or infinity")
        if flat.dtype is torch.bool and int(flat.view(torch.uint8).max()) > 1:
            self.check()
            raise PayloadError(f"tensor {name!r}: expected bools of 0 or 1, found others")

    def check(self) -> None:
        """Check that the version is still there; see `ParameterReader.check`."""
        found = self._file.begin(self._offset, len(self._raw))
        if found != self._raw:
            error = Overtaken if len(found) == len(self._raw) else StaleParameters
            raise error(f"{self._file.name}: the version was written over while it was read")

    def payload(self) -> Payload:
        """Copy the whole payload.

        Raises:
            StaleParameters: It cannot be read whole any more.
            PayloadError: It is not a payload.
        """
        memory = np.empty(self._size, dtype=np.uint8)
        self._file.read(self._offset, memory)
        self.check()
        return decode(memory.data, self._size)


def _raw_header(file: WeightsFile, where: Descriptor) -> bytes:
    found = file.begin(where.offset, min(where.size, _FIRST_READ))
    length = 8 + int.from_bytes(found[:8], "little")
    if len(found) < 8 or length == 8:
        raise StaleParameters(f"{file.name}: no whole version at byte {where.offset}")
    if length > min(where.size, 8 + MAX_HEADER_BYTES):
        raise PayloadError(f"header: expected at most {where.size} bytes, found {length}")
    if length > len(found):
        found = file.begin(where.offset, length)
    if length > len(found):
        raise StaleParameters(f"{file.name} ends before byte {where.offset + length}")
    return found[:length]


def remove_leftovers(folder: Path = FOLDER) -> list[str]:
    """Remove the files of this user whose owners have died, and nothing else.

    Returns:
        Their names.
    """
    removed = []
    for path in folder.glob("pamiq_ros-*"):
        with contextlib.suppress(OSError):  # gone meanwhile, or another user's
            if is_file_name(path.name) and _is_leftover(path):
                path.unlink()
                removed.append(path.name)
    return removed


def _is_leftover(path: Path) -> bool:
    descriptor = open_own(path)
    try:
        found = os.fstat(descriptor)
        if found.st_size == 0 and time.time() - found.st_mtime < YOUNGEST_S:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    finally:
        os.close(descriptor)
    return True


@lru_cache(maxsize=1)
def boot_id() -> str:
    """The kernel's boot id (random(4)): the same for all processes until the next boot."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return platform.node() or "unknown"
