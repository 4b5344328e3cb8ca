"""ThreadEventMixin: what is told when the system pauses and goes on."""

from __future__ import annotations


class ThreadEventMixin:
    """Something that is told of pauses; does nothing unless overridden."""

    def on_paused(self) -> None:
        """Called after the last tick or training run before a pause."""

    def on_resumed(self) -> None:
        """Called before the first tick or training run, and after each pause."""
