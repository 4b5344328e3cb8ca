"""ErrorLog: what went wrong, said once each, bounded, for the log and the report."""

from __future__ import annotations

import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEPT = 32
_LONGEST_TEXT = 4000


def raised(error: BaseException) -> str:
    """An exception of a user's code in one line, with the place it came from."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"{error!r}{place}"


class ErrorLog:
    """Counts errors by text; forwards each kind to a log function at most once a second.

    Args:
        log: Called with the text; the kind is what stands before the text's first colon.
        clock: Tells the time in s.
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
        """Count `text`, its first 4000 characters; any thread."""
        text = text[:_LONGEST_TEXT]
        with self._lock:
            now, kind = self._clock(), text.partition(":")[0]
            self._counts[text] = self._counts.pop(text, 0) + 1
            self._times[text] = now
            while len(self._counts) > _MOST_KEPT:
                del self._times[self._counts.popitem(last=False)[0]]
            loud = now - self._logged.get(kind, -1.0) >= 1.0
            if loud:
                self._logged[kind] = now
            while len(self._logged) > _MOST_KEPT:
                del self._logged[next(iter(self._logged))]
        if loud:
            self._log(text)

    def texts(self) -> list[str]:
        """The errors, oldest first, with how often each came when it was more than once."""
        return [text for text, _ in self.aged()]

    def aged(self) -> list[tuple[str, float]]:
        """The errors as in `texts`, each with how long ago it last came, in s."""
        with self._lock:
            now = self._clock()
            return [
                (text if count == 1 else f"{text} ({count} times)", now - self._times[text])
                for text, count in self._counts.items()
            ]

    def last(self) -> str:
        """The newest error, or an empty string."""
        with self._lock:
            return next(reversed(self._counts), "")
