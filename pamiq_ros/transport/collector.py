"""ExperienceCollector: the agent's end of a buffer that lives in another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pamiq_ros.core.data import DataCollector

from .experience_sender import ExperienceSender


class ExperienceCollector(DataCollector[Any]):
    """Hands each step to a sender, with the weights version that acted and the time.

    Args:
        sender: Sends the steps of this buffer.
        version: The version of the weights in use now.
        stamp_ns: The time now, in ns since the epoch of the node's clock.
    """

    def __init__(
        self,
        sender: ExperienceSender,
        version: Callable[[], int],
        stamp_ns: Callable[[], int],
    ) -> None:
        super().__init__(max_queue_size=0)
        self._sender = sender
        self._version = version
        self._stamp_ns = stamp_ns

    def collect(self, data: Any) -> None:
        """Take a step, in microseconds; leave what it holds alone from here on."""
        self._sender.collect(data, self._version(), self._stamp_ns())
