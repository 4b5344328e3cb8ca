# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Runs work of other threads between two ticks, or between two runs of trainers.

States are saved at these points: no tick, or no trainer, changes them meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager

_POLL_S = 0.02


class BetweenTicks:
    """Runs work of other threads in the tick's thread after a tick, or in theirs while paused."""

    def __init__(self) -> None:
        self._work: tuple[Callable[[], object], Future[None]] | None = None
        self._lock = threading.Lock()
        self._ticking = threading.RLock()

    def tick(self, act: Callable[[], object]) -> None:
        """Call `act`, which is one tick, then run pending work."""
        with self._ticking:
            act()
            if self._work is not None:
                self._do()

    def do(self, work: Callable[[], object], paused: Callable[[], bool], timeout: float) -> None:
        """Run `work` after the next tick, or in this thread while paused. One caller at a time.

        Args:
            work: The work. Its exceptions are raised here.
            paused: Returns whether ticking is paused.
            timeout: Maximum time to wait for a tick to end, in s.

        Raises:
            TimeoutError: No tick ended within `timeout`.
        """
        done: Future[None] = Future()
        with self._lock:
            self._work = (work, done)
        for _ in range(max(1, int(timeout / _POLL_S))):
            if wait([done], _POLL_S).done:
                return done.result()
            if paused() and self._ticking.acquire(timeout=_POLL_S):
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
        except (Exception, SystemExit) as error:  # code of users; the tick's thread must survive
            done.set_exception(error)
        else:
            done.set_result(None)


class BetweenRuns:
    """Keeps the runs of trainers and the work of other threads apart.

    A thread that waits to work has priority over the next run.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._running = False
        self._waiting = 0
        self._working = threading.Lock()

    @contextmanager
    def run(self) -> Iterator[None]:
        """Enclose one run of a trainer. Only the training thread calls it."""
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
    def work(self, timeout: float) -> Iterator[None]:
        """Enclose work between two runs. Any thread but the training thread may call it.

        Args:
            timeout: Maximum time to wait for the current run to end, in s.

        Raises:
            TimeoutError: The run did not end within `timeout`.
        """
        with self._changed:
            self._waiting += 1
        try:
            with self._changed:
                if not self._changed.wait_for(lambda: not self._running, timeout):
                    raise TimeoutError(f"expected the run in progress to end within {timeout:g} s")
            with self._working:
                yield
        finally:
            with self._changed:
                self._waiting -= 1
                self._changed.notify_all()
