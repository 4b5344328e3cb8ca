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

"""Version numbers of weights: how a learner counts them, and which ones a receiver follows."""

from __future__ import annotations

import threading

MAX_VERSION = 2**48
"""At a thousand versions a second a learner takes nine thousand years to reach it."""

MOST_LATE = 64
"""A version further behind the newest of its source than this is not late: the newest one was
forged, or the source started to number anew. Refusing it would refuse all that follow."""

MOST_AHEAD = 2**24
"""A version further ahead of the known ones than this is forged or a mistake: at a hundred versions
a second a learner takes two days to get there."""

_LARGEST = MAX_VERSION // 2


def is_late(version: int, newest: int) -> bool:
    """Whether a version is out of date when `newest` of the same source has arrived.

    Args:
        version: From 1.
        newest: The newest so far; 0 for none.
    """
    return newest - MOST_LATE < version <= newest


class VersionCounter:
    """Numbers each set of weights that is published, always rising.

    All models of a learner share it, so the newest number in use identifies the weights that acted.
    """

    def __init__(self) -> None:
        self._last = self._given = 0
        self._lock = threading.Lock()

    @property
    def given(self) -> int:
        """The newest version given, here or by the learner that this one resumes; 0 for none.

        Versions only seen in use do not count: they may be forged, and are not saved.
        """
        return self._given

    def take(self) -> int:
        """The next version, from 1."""
        with self._lock:
            self._last += 1
            self._given = self._last
            return self._last

    def resume(self, version: int) -> bool:
        """Continue after `version`, the newest given when this learner was saved.

        Returns:
            Whether it does; not if no learner can reach that version.
        """
        with self._lock:
            if version > _LARGEST:
                return False
            self._last, self._given = max(self._last, version), max(self._given, version)
            return True

    def at_least(self, version: int) -> bool:
        """Continue after `version`, which was seen in use: an earlier process published it.

        Returns:
            Whether it does; not if it is more than `MOST_AHEAD` ahead of the newest one given.
        """
        with self._lock:
            if version > min(self._given + MOST_AHEAD, _LARGEST):
                return False
            self._last = max(self._last, version)
            return True
