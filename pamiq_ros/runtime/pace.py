"""Pace: when a learner's trainers have their turn."""

from __future__ import annotations

import threading
from collections.abc import Callable

from .step_requests import Request, StepRequests

_IDLE_S = 0.5


class Pace:
    """The trainers have their turns again and again, as long as there is something to learn."""

    def __init__(self) -> None:
        self._news = threading.Event()

    def wake(self) -> None:
        """Something has come, or it is the end; any thread."""
        self._news.set()

    def wait(self, is_stopped: Callable[[], bool]) -> bool:
        """Wait until each trainer may have a turn.

        Returns:
            False at the end.
        """
        self._news.clear()
        return not is_stopped()

    def published(self) -> None:
        """Called when weights may have been handed over: at first, and after each turn."""

    def ended(self, trained: int) -> None:
        """Called when all had their turn, of whom `trained` trained."""
        if not trained:
            self._news.wait(_IDLE_S)


class StepPace(Pace):
    """Each trainer has one turn for each request: time goes by in steps.

    Args:
        flush: Called when weights may have been handed over, to have them published at once.

    Attributes:
        requests: Where the turns are asked for.
    """

    def __init__(self, flush: Callable[[], object]) -> None:
        super().__init__()
        self.requests = StepRequests()
        self._flush = flush
        self._request: Request | None = None

    def wait(self, is_stopped: Callable[[], bool]) -> bool:
        """Wait for a request."""
        self._request = self.requests.take(is_stopped)
        return self._request is not None

    def published(self) -> None:
        """Publish the weights before the next turn, or the number of versions were by chance."""
        self._flush()

    def ended(self, trained: int) -> None:
        """Answer the request."""
        assert self._request is not None
        self._request.done()
