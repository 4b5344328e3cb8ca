"""OwnPauses: whether a node has paused by itself since its report was last looked at."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

_MOST_SEEN = 256


class OwnPauses:
    """Counts each instance's own pauses, which its reports tell, so that each is taken up once.

    Attributes:
        by: The node that paused by itself last.
    """

    def __init__(self) -> None:
        self.by = ""
        self._seen: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()

    def newly(self, reports: Mapping[str, Mapping[str, Any]]) -> str:
        """The node that has paused by itself since the last call; empty when none has.

        Args:
            reports: The newest report of each managed node; any thread's, so an older one may come
                after a newer one.
        """
        found = ""
        with self._lock:
            for name, report in reports.items():
                instance, count = str(report.get("instance")), report.get("own_pauses", 0)
                # What an instance did before it was first heard shows in its life-cycle state.
                if count > self._seen.setdefault(instance, count):
                    self._seen[instance] = count
                    self.by = found = name
                self._seen.move_to_end(instance)
            while len(self._seen) > _MOST_SEEN:
                self._seen.popitem(last=False)
        return found
