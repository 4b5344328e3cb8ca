"""Reads weights from a learner's slot, straight to where they are used.

The file is mapped, which is a third quicker than reading it. A process that reads mapped memory
behind the end of its file is ended by a signal (mmap(2), SIGBUS), and this one drives a robot: the
file's length is looked at before each block, although its owner never shortens it.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from pamiq_ros.core.model import StaleParameters, TensorSpec
from pamiq_ros.core.model.finite import BLOCK_BYTES, block_is_finite
from pamiq_ros.core.own_files import open_own

from .header import MAX_HEADER_BYTES, PayloadError, Span, read_header
from .payload import Payload
from .slot_store import FOLDER
from .slots import MARK_BYTES, SlotDescriptor, is_file_name, read_mark
from .weights import is_nested

Bytes = npt.NDArray[np.uint8]
_FIRST_READ = 65536


class SlotFile:
    """A learner's file, open for reading.

    Raises:
        OSError: It is not there, or may not be read.
        PermissionError: Others than this user could have written it.
    """

    def __init__(self, name: str, folder: Path = FOLDER) -> None:
        if not is_file_name(name):
            raise PermissionError(f"expected a name of ours, found {name[:80]!r}")
        self.name = name
        self._descriptor = open_own(folder / name)
        found = os.fstat(self._descriptor)
        if found.st_mode & 0o022 or found.st_size == 0:
            self.close()
            raise PermissionError(f"{name}: expected a file of slots, of this user alone")
        memory = mmap.mmap(self._descriptor, found.st_size, access=mmap.ACCESS_READ)
        self._bytes: Bytes = np.frombuffer(memory, dtype=np.uint8)

    def read(self, offset: int, into: Bytes) -> None:
        """Fill `into` from the file, without the interpreter lock.

        Raises:
            StaleParameters: The file ends before.
        """
        end = offset + len(into)
        if end > len(self._bytes) or end > os.fstat(self._descriptor).st_size:
            raise StaleParameters(f"{self.name} ends before its slot")
        np.copyto(into, self._bytes[offset:end])

    def mark(self, offset: int) -> tuple[int, int]:
        """The versions begun and done in the slot at `offset`; zeros where the file has ended."""
        # By a system call: no processor may do earlier reads of the slot after it.
        return read_mark(os.pread(self._descriptor, MARK_BYTES, offset))

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._bytes = np.empty(0, dtype=np.uint8)


class SlotReader:
    """The weights in a slot: a `ParameterReader`.

    Attributes:
        specs: What each tensor looks like, by name.
        metadata: The payload's.
    """

    def __init__(self, file: SlotFile, slot: SlotDescriptor) -> None:
        """Read the slot's header.

        Raises:
            StaleParameters: The slot does not hold the version any more, or not yet.
            PayloadError: It holds no payload.
        """
        self._file, self._slot = file, slot
        self._payload = slot.offset + MARK_BYTES
        self.check()
        header = read_header(self._header(), slot.size)
        self.check()  # what was read of another version may look like anything
        self.metadata = header.metadata
        self._start = self._payload + header.start
        self._spans: Mapping[str, Span] = {span.name: span for span in header.spans}
        self.specs = {span.name: TensorSpec(span.dtype, span.shape) for span in header.spans}

    @property
    def is_nested(self) -> bool:
        """Whether the parameters are no mapping of tensors alone."""
        return is_nested(self.metadata)

    def read(self, name: str, into: Tensor) -> None:
        """Copy one tensor; see `ParameterReader.read`."""
        self._copy(name, into, finite=into.is_floating_point() or into.is_complex())

    def check(self) -> None:
        """Make sure that the slot holds the version; see `ParameterReader.check`."""
        begun, done = self._file.mark(self._slot.offset)
        if not begun == done == self._slot.version:
            raise StaleParameters(
                f"expected version {self._slot.version} in its slot, found {begun} begun and "
                f"{done} done"
            )

    def payload(self) -> Payload:
        """All of it, in memory of its own.

        Raises:
            StaleParameters: It can't be read whole any more.
            ValueError: A tensor is not finite; names it.
        """
        tensors = {n: torch.empty(s.shape, dtype=s.dtype) for n, s in self.specs.items()}
        for name, tensor in tensors.items():
            # A NaN may be meant in what the form of the parameters holds as a column: who takes
            # them knows.
            self._copy(name, tensor, finite=False)
        self.check()
        return Payload(tensors, self.metadata)

    def _copy(self, name: str, into: Tensor, finite: bool) -> None:
        flat = into.detach().reshape(-1)
        if flat.numel() == 0:
            return
        memory = flat.view(torch.uint8).numpy()
        begin, size = self._start + self._spans[name].begin, BLOCK_BYTES
        count = size // flat.element_size()
        for index, at in enumerate(range(0, len(memory), size)):
            block = flat[index * count : (index + 1) * count]
            self._file.read(begin + at, memory[at : at + size])
            if finite and not block_is_finite(block):
                self.check()  # a half of this version and a half of another is no wrong number
                raise ValueError(f"parameter {name}: expected finite values, found NaN or infinity")
        if flat.dtype is torch.bool and int(flat.view(torch.uint8).max()) > 1:
            self.check()
            raise PayloadError(f"tensor {name!r}: expected bools of 0 or 1, found others")

    def _header(self) -> memoryview:
        first = np.empty(min(self._slot.size, _FIRST_READ), dtype=np.uint8)
        self._file.read(self._payload, first)
        length = 8 + int.from_bytes(first[:8].tobytes(), "little")
        if length > min(self._slot.size, 8 + MAX_HEADER_BYTES):
            self.check()
            raise PayloadError(f"header: expected less than the slot's bytes, found {length}")
        if length > len(first):
            first = np.empty(length, dtype=np.uint8)
            self._file.read(self._payload, first)
        return first.data
