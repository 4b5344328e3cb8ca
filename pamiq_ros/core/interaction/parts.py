"""InteractionParts: the composites among agents, environments, sensors and actuators."""

from __future__ import annotations

from ..state_persistence import PersistentParts
from ..thread import ThreadEventParts
from .event_mixin import InteractionEventMixin


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
