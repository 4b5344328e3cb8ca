"""StepTicker: a thread that ticks when it is asked to, for time that goes by in steps."""

from __future__ import annotations

from collections.abc import Callable

from .step_requests import Request, StepRequests
from .ticker import Ticker


class StepTicker(Ticker):
    """Calls `tick` once for each request, in order; it is never late.

    Attributes:
        requests: Where a tick is asked for.
    """

    def __init__(
        self,
        rate: float,
        tick: Callable[[], None],
        *,
        prepare: Callable[[], None] = lambda: None,
    ) -> None:
        """Make a ticker that does not tick yet; see `Ticker`, whose `rate` is only told here."""
        super().__init__(rate, tick, prepare=prepare)
        self.requests = StepRequests()
        self._request: Request | None = None

    def _begin(self) -> None:
        """Requests from before a pause are still to be served."""

    def _wait(self) -> float | None:
        self._request = self.requests.take(lambda: self._stopping)
        return None if self._request is None else self._clock.now()

    def _end(self, ended: float) -> None:
        assert self._request is not None
        self._request.done()
