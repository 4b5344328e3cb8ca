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

"""RecoveredPath: a path through which truncated MCAP files can be read.

A killed recorder or a full disk leaves a file without the index at its end. Reading it appends a
footer without an index after the last complete record. See https://mcap.dev/spec for the records.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path
from typing import Any

_MAGIC = b"\x89MCAP0\r\n"
_DATA_END, _FOOTER = 0x0F, 0x02
_RECORD = struct.Struct("<BQ")  # opcode, length of the content
_END = (
    _RECORD.pack(_DATA_END, 4)
    + struct.pack("<I", 0)
    + _RECORD.pack(_FOOTER, 20)
    + struct.pack("<QQI", 0, 0, 0)  # no index
    + _MAGIC
)


class RecoveredPath(type(Path())):  # type: ignore[misc]
    """A path; truncated MCAP files opened through it or below it read as complete ones."""

    def open(self, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        """Open the file; a truncated MCAP file reads as a complete one."""
        if mode == "rb" and (end := truncated_at(self)) is not None:
            file = io.FileIO(os.fspath(self))
            return io.BufferedReader(_RecoveredFile(file, end))
        return super().open(mode, *args, **kwargs)


def truncated_at(path: Path) -> int | None:
    """Return where the last complete record of a truncated MCAP file ends.

    Args:
        path: A file.

    Returns:
        The offset in bytes; None for a complete file or one of another format.
    """
    with io.FileIO(os.fspath(path)) as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return None
        size = file.seek(0, os.SEEK_END)
        file.seek(max(len(_MAGIC), size - len(_MAGIC)))
        return None if file.read() == _MAGIC else _end_of_records(file, size)


def _end_of_records(file: io.FileIO, size: int) -> int:
    end = len(_MAGIC)
    while end + _RECORD.size <= size:
        file.seek(end)
        kind, length = _RECORD.unpack(file.read(_RECORD.size))
        if kind == _DATA_END or end + _RECORD.size + length > size:
            break
        end += _RECORD.size + length
    return end


class _RecoveredFile(io.RawIOBase):
    """The first bytes of a file, followed by `_END`."""

    def __init__(self, file: io.FileIO, end: int) -> None:
        self._file, self._end, self._at = file, end, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._end + len(_END)}
        self._at = max(0, start[whence] + offset)
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at < self._end:
            self._file.seek(self._at)
            data = self._file.read(min(len(buffer), self._end - self._at)) or b""
        else:
            data = _END[self._at - self._end :][: len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
