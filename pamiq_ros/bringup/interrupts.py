"""Interrupts: counts Ctrl-C and SIGTERM: the first stops in order, the second at once."""

from __future__ import annotations

import signal
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupts:
    """Signals that asked this process to end.

    Attributes:
        count: How many came.
        newest: Name of the newest, such as SIGINT; empty before the first.
    """

    def __init__(self) -> None:
        self.count = 0
        self.newest = ""

    def install(self) -> None:
        """Catch the signals from now on; a hang-up only if it is not ignored (nohup)."""
        for number in _SIGNALS:
            if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
                continue
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self.count += 1
        self.newest = signal.Signals(number).name
