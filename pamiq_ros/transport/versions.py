"""VersionCounter: one numbering of weights over all models of a learner."""

from __future__ import annotations

import threading

from .weights import MAX_VERSION

MOST_AHEAD = 2**24
"""What is further ahead of the versions known so far is a mistake or made up: at a hundred versions
a second a learner takes two days for it."""

_LARGEST = MAX_VERSION // 2


class VersionCounter:
    """Gives each set of weights that is published a number of its own, always rising.

    Since all models of a learner share it, the newest number in use says which weights acted.
    """

    def __init__(self) -> None:
        self._last = self._given = 0
        self._lock = threading.Lock()

    @property
    def given(self) -> int:
        """The newest version given, here or by the learner that this one goes on from; 0 for none.

        What was only seen in use is not in it: it may be made up, and is nothing to save.
        """
        return self._given

    def take(self) -> int:
        """The next version, from 1."""
        with self._lock:
            self._last += 1
            self._given = self._last
            return self._last

    def resume(self, version: int) -> bool:
        """Go on after `version`, the newest that this learner had given when it was saved.

        Returns:
            Whether it does; not if that is more than any learner can come to.
        """
        with self._lock:
            if version > _LARGEST:
                return False
            self._last, self._given = max(self._last, version), max(self._given, version)
            return True

    def at_least(self, version: int) -> bool:
        """Go on after `version`, which was seen in use: an earlier process published it.

        Returns:
            Whether it does; not if it is more than `MOST_AHEAD` ahead of the newest one given.
        """
        with self._lock:
            if version > min(self._given + MOST_AHEAD, _LARGEST):
                return False
            self._last = max(self._last, version)
            return True
