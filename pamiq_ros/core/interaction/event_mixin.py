"""InteractionEventMixin: callbacks at the begin and end of interaction, also for composites."""

from __future__ import annotations

from ..state_persistence import PersistentParts
from ..thread import ThreadEventParts


class InteractionEventMixin:
    """An object with `setup` and `teardown`. Both do nothing unless overridden."""

    def setup(self) -> None:
        """Called once before the first tick."""

    def teardown(self) -> None:
        """Called once after the last tick."""


class InteractionParts(PersistentParts, ThreadEventParts, InteractionEventMixin):
    """Passes setup, teardown, pauses and states on to its parts."""

    def setup(self) -> None:
        """Set up every part."""
        super().setup()
        for part in self._parts().values():
            part.setup()

    def teardown(self) -> None:
        """Tear down every part."""
        super().teardown()
        for part in self._parts().values():
            part.teardown()
