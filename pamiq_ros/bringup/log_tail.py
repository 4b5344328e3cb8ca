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

"""LogTail: follows a node's log file and finds its warnings and errors."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_NOTICE = re.compile(r"\[(WARN|ERROR|FATAL)\] \[[^\]]*\] \[(?P<source>[^\]]+)\]: (?P<text>.*)")
_LOG_LINE = re.compile(r"\[[A-Z]+\] \[")
_MOST_BYTES = 1 << 16
_LAST_BYTES = 1 << 14


@dataclass(frozen=True)
class Notice:
    """A warning or an error of a node.

    Attributes:
        level: WARN, ERROR or FATAL.
        source: Name of the logger.
        text: The first line of the message.
    """

    level: str
    source: str
    text: str


class LogTail:
    """Reads what was added to a log file since the last call.

    Args:
        path: The file; it may not exist yet.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._rest = b""

    def notices(self) -> list[Notice]:
        """Return the new warnings and errors; reads at most 64 KiB of the log at once."""
        *lines, self._rest = (self._rest + self._added()).split(b"\n")
        self._rest = self._rest[:_MOST_BYTES]
        found = (notice_in(line.decode(errors="replace")) for line in lines)
        return [notice for notice in found if notice is not None]

    def last_words(self) -> str:
        """Return why the process ended: its last error, else its last line outside ROS's log."""
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                file.seek(max(0, size - _LAST_BYTES))
                lines = file.read().decode(errors="replace").splitlines()
        except FileNotFoundError:
            return ""
        block: list[str] = []
        for line in reversed(lines):
            if _NOTICE.search(line) and "[WARN]" not in line:
                return _joined(line, block)
            block = [] if _LOG_LINE.match(line) else [line, *block]
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return "" if _LOG_LINE.match(last) else last

    def _added(self) -> bytes:
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                added = file.read(_MOST_BYTES)
        except FileNotFoundError:
            return b""
        self._offset += len(added)
        return added


def notice_in(line: str) -> Notice | None:
    """Return the warning or error in a line of a ROS log; None if there is none."""
    match = _NOTICE.search(line)
    return Notice(match[1], match["source"], match["text"]) if match else None


def _joined(line: str, block: list[str]) -> str:
    # The last line of a traceback that follows names the exception.
    match = _NOTICE.search(line)
    end = next((line.strip() for line in reversed(block) if line.strip()), "")
    return " ".join(filter(None, [match["text"] if match else "", end]))
