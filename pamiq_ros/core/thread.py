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
