"""Mixins for things made of parts: states and pauses are passed on to every part.

Each mixin is put before the class whose methods it extends. The part's name is also the name of
its file or directory below the whole's path.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .state_persistence import PersistentStateMixin
from .thread import ThreadEventMixin


class _Parts:
    def _parts(self) -> Mapping[str, Any]:
        """The parts by name."""
        raise NotImplementedError


class PersistentParts(_Parts, PersistentStateMixin):
    """Saves and loads its parts in a directory of its own."""

    def save_state(self, path: Path) -> None:
        """Save every part below the directory `path`, which is made if there are any."""
        super().save_state(path)
        if parts := self._parts():
            path.mkdir(exist_ok=True)
            for name, part in parts.items():
                part.save_state(path / name)

    def load_state(self, path: Path) -> None:
        """Load every part from the directory `path`."""
        super().load_state(path)
        for name, part in self._parts().items():
            part.load_state(path / name)


class ThreadEventParts(_Parts, ThreadEventMixin):
    """Passes pause and resume on to its parts."""

    def on_paused(self) -> None:
        """Tell every part of the pause."""
        super().on_paused()
        for part in self._parts().values():
            part.on_paused()

    def on_resumed(self) -> None:
        """Tell every part that it goes on."""
        super().on_resumed()
        for part in self._parts().values():
            part.on_resumed()
