"""PersistentStateMixin: what can be saved to a path and loaded from it."""

from __future__ import annotations

from pathlib import Path


class PersistentStateMixin:
    """Something with a state worth keeping; keeps nothing unless overridden."""

    def save_state(self, path: Path) -> None:
        """Save the state as a file that begins with `path`, or a directory `path`."""

    def load_state(self, path: Path) -> None:
        """Load what `save_state` saved under the same `path`."""
