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

"""Mixins for objects that react to pauses of the system."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class ThreadEventMixin:
    """An object with pause and resume callbacks. Both do nothing unless overridden."""

    def on_paused(self) -> None:
        """Called after the last tick or training round before a pause."""

    def on_resumed(self) -> None:
        """Called before the first tick or training round, and after each pause."""


class ThreadEventParts(ThreadEventMixin):
    """Passes pause and resume on to named parts.

    List it before the class whose methods it extends.
    """

    def _parts(self) -> Mapping[str, Any]:
        """Return the parts by name."""
        raise NotImplementedError

    def on_paused(self) -> None:
        """Call `on_paused` of every part."""
        super().on_paused()
        for part in self._parts().values():
            part.on_paused()

    def on_resumed(self) -> None:
        """Call `on_resumed` of every part."""
        super().on_resumed()
        for part in self._parts().values():
            part.on_resumed()
