"""InteractionEventMixin: what is told when interaction begins and ends."""

from __future__ import annotations


class InteractionEventMixin:
    """Something that is set up and torn down; does nothing unless overridden."""

    def setup(self) -> None:
        """Called once before the first tick."""

    def teardown(self) -> None:
        """Called once after the last tick."""
