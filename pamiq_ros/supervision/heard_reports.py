"""HeardReports: what one node has said of itself, which instances of it did, and which still do."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Any

from .reports import read_report

LIVE_S = 1.8
"""Three reports' time in s: who was silent for longer does not report now."""

_MOST_INSTANCES = 1000
_MOST_HEARD = 64


class HeardReports:
    """The reports of one node; a process of it that is started again is another instance.

    Attributes:
        newest: The newest report; empty before the first.
        instances: Instances seen, oldest first.

    Args:
        clock: Gives a time in s that never goes back.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.newest: dict[str, Any] = {}
        self.instances: list[str] = []
        self._clock = clock
        self._heard: dict[str, tuple[float, str]] = {}

    @property
    def live(self) -> int:
        """Instances that report now: 0 when the node is gone, more than one are too many."""
        return len(self.states(LIVE_S))

    @property
    def silent_s(self) -> float:
        """Since when no instance has reported, in s; 0 before the first report."""
        heard = list(self._heard.values())
        return self._clock() - max(heard)[0] if heard else 0.0

    @property
    def restarts(self) -> int:
        """How often the node was started again."""
        return max(0, len(self.instances) - max(1, self.live))

    def states(self, within_s: float) -> list[str]:
        """Life-cycle state of each instance, as its newest report says it, the newest last.

        Args:
            within_s: Instances that were silent for longer are left out.
        """
        now = self._clock()
        return [state for heard, state in sorted(self._heard.values()) if now - heard < within_s]

    def forget(self, states: Collection[str]) -> None:
        """Take the instances that were in one of some states as gone, until they report again."""
        self._heard = {one: heard for one, heard in self._heard.items() if heard[1] not in states}

    def take(self, text: str) -> bool:
        """Take a report.

        Args:
            text: Text that may come from anybody.

        Returns:
            Whether it is the first one of a node that was started again.

        Raises:
            ValueError: It is no report; says what was expected, what was found and where.
        """
        report = read_report(text)
        instance = report["instance"]
        self.newest = report
        self._heard = {**self._heard, instance: (self._clock(), report.get("state", ""))}
        if len(self._heard) > _MOST_HEARD:
            del self._heard[min(self._heard, key=self._heard.__getitem__)]
        if instance in self.instances:
            return False
        self.instances = [*self.instances, instance][-_MOST_INSTANCES:]
        return len(self.instances) > 1
