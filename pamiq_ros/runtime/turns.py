"""Turns: a loop's runs, and what has to be done between two of them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """Keeps a loop's runs and the work of other threads between them apart.

    Whoever waits to work between two runs comes before the next run.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = False
        self._waiting = 0
        self._between = threading.Lock()

    @contextmanager
    def run(self) -> Iterator[None]:
        """One run of the loop; by the loop's thread alone."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting == 0)
            self._running = True
        try:
            yield
        finally:
            with self._changed:
                self._running = False
                self._changed.notify_all()

    @contextmanager
    def between(self, timeout: float) -> Iterator[None]:
        """Work between two runs, or while there are none; any other thread.

        Args:
            timeout: Longest to wait for the run in progress, in s.

        Raises:
            TimeoutError: It did not end.
        """
        with self._changed:
            self._waiting += 1
        try:
            with self._changed:
                if not self._changed.wait_for(lambda: not self._running, timeout):
                    raise TimeoutError(f"expected the run in progress to end within {timeout:g} s")
            with self._between:
                yield
        finally:
            with self._changed:
                self._waiting -= 1
                self._changed.notify_all()
