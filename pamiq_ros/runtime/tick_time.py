"""The time by which ticks are due: a steady one here, ROS time in the nodes."""

from __future__ import annotations

import threading
import time
from typing import Protocol


class TickTime(Protocol):
    """A clock that can be waited for."""

    def now(self) -> float:
        """Seconds since any fixed moment."""

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait for about `seconds` of this clock, or until `wake` is set; may return early."""


class SteadyTime:
    """The machine's monotonic clock."""

    def now(self) -> float:
        """Seconds; they never go back."""
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait for `seconds`, or until `wake` is set."""
        wake.wait(seconds)
