"""VersionCounter: one numbering of weights over all models of a learner."""

from __future__ import annotations

import threading


class VersionCounter:
    """Gives each set of weights that is published a number of its own, always rising.

    Since all models of a learner share it, the newest number in use says which weights acted.
    """

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    @property
    def last(self) -> int:
        """The newest version given; 0 before the first."""
        return self._last

    def take(self) -> int:
        """The next version, from 1."""
        with self._lock:
            self._last += 1
            return self._last

    def at_least(self, version: int) -> None:
        """Go on after `version`, which was seen in use: an earlier process published it."""
        with self._lock:
            self._last = max(self._last, version)
