"""Watchdog: a thread that shows that the process lives, and looks after the tick's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Watchdog:
    """Calls functions again and again; where the interpreter is held up, it is held up too.

    Args:
        period_s: Time from call to call in s.
        actions: What to call; must not raise.
    """

    def __init__(self, period_s: float, *actions: Callable[[], object]) -> None:
        self._period, self._actions = period_s, actions
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)
        self._thread.start()

    def close(self, timeout: float = 1.0) -> None:
        """End the thread."""
        self._ended.set()
        self._thread.join(timeout)

    def _run(self) -> None:
        while not self._ended.wait(self._period):
            for action in self._actions:
                action()
