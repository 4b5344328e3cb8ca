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

"""ErrorLog: counts errors by text, in bounded memory, for the log and the report."""

from __future__ import annotations

import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEPT = 32
_LONGEST_TEXT = 4000


def raised(error: BaseException) -> str:
    """Return an exception in one line, with the file and line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{error!r}{place}"


class ErrorLog:
    """Counts errors by text and logs each kind at most once per second.

    Args:
        log: Called with the text. The kind is the part of the text before its first colon.
        clock: Returns the time in s.
    """

    def __init__(
        self,
        log: Callable[[str], object] = lambda text: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._log = log
        self._clock = clock
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._times: dict[str, float] = {}
        self._logged: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        """Count an error by the first 4000 characters of its text. Any thread may call it."""
        text = text[:_LONGEST_TEXT]
        with self._lock:
            now, kind = self._clock(), text.partition(":")[0]
            self._counts[text] = self._counts.pop(text, 0) + 1
            self._times[text] = now
            while len(self._counts) > _MOST_KEPT:
                del self._times[self._counts.popitem(last=False)[0]]
            due = now - self._logged.get(kind, -1.0) >= 1.0
            if due:
                self._logged[kind] = now
            while len(self._logged) > _MOST_KEPT:
                del self._logged[next(iter(self._logged))]
        if due:
            self._log(text)

    def texts(self) -> list[str]:
        """Return the errors, oldest first. A repeated one ends with its count."""
        return [text for text, _ in self.aged()]

    def aged(self) -> list[tuple[str, float]]:
        """Return the errors as in `texts`, each with the time since it last occurred, in s."""
        with self._lock:
            now = self._clock()
            return [
                (text if count == 1 else f"{text} ({count} times)", now - self._times[text])
                for text, count in self._counts.items()
            ]

    def last(self) -> str:
        """Return the newest error, or an empty string."""
        with self._lock:
            return next(reversed(self._counts), "")
