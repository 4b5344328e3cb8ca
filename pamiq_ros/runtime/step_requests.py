"""StepRequests: what was asked of a thread that goes step by step, in order."""

from __future__ import annotations

import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import NamedTuple

_LOOK_S = 0.1
_SHORT_S = 0.0002


class Request(NamedTuple):
    """One step that was asked for.

    Attributes:
        is_ready: Looked at until it is true; then the step is taken.
        done: Called after the step, in the thread that took it.
    """

    is_ready: Callable[[], bool]
    done: Callable[[], object]


class StepRequests:
    """A queue of requests; one that was not taken for a pause is the first after it."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[Request] = SimpleQueue()
        self._current: Request | None = None

    def put(self, request: Request) -> None:
        """Ask for a step; any thread."""
        self._queue.put(request)

    def take(self, is_stopped: Callable[[], bool]) -> Request | None:
        """Wait for the next request, until it is ready; by one thread.

        Args:
            is_stopped: Whether not to wait any more.

        Returns:
            The request; None once `is_stopped`.
        """
        while not is_stopped():
            if self._current is None:
                try:
                    self._current = self._queue.get(timeout=_LOOK_S)
                except Empty:
                    continue
            if self._current.is_ready():
                taken, self._current = self._current, None
                return taken
            time.sleep(_SHORT_S)
        return None
