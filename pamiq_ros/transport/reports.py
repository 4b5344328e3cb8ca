"""What transports say when something goes wrong."""

from __future__ import annotations

from collections import OrderedDict

_MOST_KEPT = 64


def named(error: Exception) -> str:
    """An error's text with its type's name."""
    return f"{type(error).__name__}: {error}"


class Reported:
    """Remembers what was reported, the newest of it: a source is told of once, not per message."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def is_new(self, *about: str) -> bool:
        """Whether nothing was reported about these names; from now on something was."""
        if about in self._seen:
            return False
        self._seen[about] = None
        while len(self._seen) > _MOST_KEPT:
            self._seen.popitem(last=False)
        return True
