"""ErrorLog: what went wrong, said once each, bounded, for the log and the report."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_MOST_KEPT = 32


class ErrorLog:
    """Counts errors by text; forwards each to a log function at most once a second.

    Args:
        log: Called with the text, throttled per text.
    """

    def __init__(self, log: Callable[[str], object] = lambda text: None) -> None:
        self._log = log
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._logged: dict[str, float] = {}
        self._lock = threading.Lock()

    def add(self, text: str) -> None:
        """Count `text`; any thread."""
        with self._lock:
            self._counts[text] = self._counts.pop(text, 0) + 1
            while len(self._counts) > _MOST_KEPT:
                forgotten, _ = self._counts.popitem(last=False)
                self._logged.pop(forgotten, None)
            now = time.monotonic()
            loud = now - self._logged.get(text, -1.0) >= 1.0
            if loud:
                self._logged[text] = now
        if loud:
            self._log(text)

    def texts(self) -> list[str]:
        """The errors, oldest first, with how often each came when it was more than once."""
        with self._lock:
            return [
                text if count == 1 else f"{text} ({count} times)"
                for text, count in self._counts.items()
            ]

    def last(self) -> str:
        """The newest error, or an empty string."""
        with self._lock:
            return next(reversed(self._counts), "")
