"""What transports say when something goes wrong."""

from __future__ import annotations

from collections import OrderedDict

from ..wire.metadata import DigestMismatch

_MOST_KEPT = 64


def named(error: Exception) -> str:
    """An error's text with its type's name."""
    return f"{type(error).__name__}: {error}"


class ForeignSources:
    """Remembers whose digest was reported: a foreign source is told of once, not per message."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    def is_new(self, mismatch: DigestMismatch) -> bool:
        """Whether this source has not been reported with this digest."""
        key = (mismatch.source, mismatch.found)
        if key in self._seen:
            return False
        self._seen[key] = None
        while len(self._seen) > _MOST_KEPT:
            self._seen.popitem(last=False)
        return True
