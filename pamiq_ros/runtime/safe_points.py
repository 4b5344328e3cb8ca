"""Safe points: work of other threads between two ticks, or between two training rounds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

_LOOK_S = 0.02


class BetweenTicks:
    """Takes work from other threads; the tick never waits for it, unless ticks begin meanwhile."""

    def __init__(self) -> None:
        self._work: tuple[Callable[[], object], Future[None]] | None = None
        self._lock = threading.Lock()
        self._ticking = threading.RLock()

    def tick(self, act: Callable[[], object]) -> None:
        """Call `act`, which is one tick, then do the work that waits for its end."""
        with self._ticking:
            act()
            if self._work is not None:
                self._do()

    def do(self, work: Callable[[], object], paused: Callable[[], bool], timeout: float) -> None:
        """Have something done after a tick, or here while there are no ticks; one at a time.

        Args:
            work: What to do; what it raises is raised here.
            paused: Whether there are no ticks now.
            timeout: Longest to wait for a tick to end, in s.

        Raises:
            TimeoutError: No tick ended.
        """
        done: Future[None] = Future()
        with self._lock:
            self._work = (work, done)
        for _ in range(max(1, int(timeout / _LOOK_S))):
            if wait([done], _LOOK_S).done:
                return done.result()
            if paused() and self._ticking.acquire(timeout=_LOOK_S):
                try:
                    self._do()
                finally:
                    self._ticking.release()
        with self._lock:
            self._work = None
        if not done.done():
            raise TimeoutError(f"expected a tick to end within {timeout:g} s")
        return done.result()

    def _do(self) -> None:
        with self._lock:
            taken, self._work = self._work, None
        if taken is None:
            return
        work, done = taken
        try:
            work()
        except (Exception, SystemExit) as error:  # users' code; the tick's thread has to live
            done.set_exception(error)
        else:
            done.set_result(None)


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
