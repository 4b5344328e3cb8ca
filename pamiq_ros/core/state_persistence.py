"""Mixins for objects whose state can be saved to a path and loaded from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any


class PersistentStateMixin:
    """An object with a state. Both methods do nothing unless overridden."""

    def save_state(self, path: Path) -> None:
        """Save the state as a file whose name begins with `path`, or as a directory `path`."""

    def load_state(self, path: Path) -> None:
        """Load what `save_state` saved to the same `path`."""


class PersistentParts(PersistentStateMixin):
    """Saves and loads named parts, each below the directory of the whole.

    List it before the class whose methods it extends.
    """

    def _parts(self) -> Mapping[str, Any]:
        """Return the parts by name."""
        raise NotImplementedError

    def save_state(self, path: Path) -> None:
        """Save every part below the directory `path`. Without parts no directory is created."""
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
