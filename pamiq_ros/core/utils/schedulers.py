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

"""Schedulers: run callbacks at an interval of seconds or steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from .. import time

Callback = Callable[[], None]
CallbackIterable = Iterable[Callback]


class Scheduler(ABC):
    """Runs callbacks when they are due. Call `update` regularly."""

    def __init__(self, callbacks: Callback | CallbackIterable | None = None) -> None:
        """Create a scheduler.

        Args:
            callbacks: One callback or several.
        """
        if callbacks is None:
            self._callbacks: list[Callback] = []
        else:
            self._callbacks = [callbacks] if callable(callbacks) else list(callbacks)

    def register_callback(self, callback: Callback) -> None:
        """Add a callback. Callbacks run in the order in which they were added."""
        self._callbacks.append(callback)

    def remove_callback(self, callback: Callback) -> None:
        """Remove a callback.

        Raises:
            ValueError: The callback is not registered.
        """
        self._callbacks.remove(callback)

    @abstractmethod
    def is_available(self) -> bool:
        """Return whether the callbacks are due."""

    @abstractmethod
    def update(self) -> None:
        """Run the callbacks if they are due."""
        if self.is_available():
            for callback in self._callbacks:
                callback()


class TimeIntervalScheduler(Scheduler):
    """Runs callbacks at an interval in seconds. Time spent paused does not count."""

    def __init__(
        self, interval: float, callbacks: Callback | CallbackIterable | None = None
    ) -> None:
        """Create a scheduler whose first interval begins now.

        Args:
            interval: Minimum time between two runs, in s.
            callbacks: One callback or several.

        Raises:
            ValueError: `interval` is negative.
        """
        super().__init__(callbacks)
        if interval < 0:
            raise ValueError(f"interval: expected 0 s or more, found {interval}")
        self._interval = interval
        self._previous_available_time = time.time()

    def is_available(self) -> bool:
        """Return whether the interval is over."""
        return time.time() - self._previous_available_time > self._interval

    def update(self) -> None:
        """If the interval is over, run the callbacks and begin a new interval."""
        super().update()
        if self.is_available():
            self._previous_available_time = time.time()


class StepIntervalScheduler(Scheduler):
    """Runs callbacks at every `interval`-th call of `update`."""

    def __init__(self, interval: int, callbacks: Callback | CallbackIterable | None = None) -> None:
        """Create a scheduler.

        Args:
            interval: Number of `update` calls between two runs.
            callbacks: One callback or several.

        Raises:
            ValueError: `interval` is not positive.
        """
        super().__init__(callbacks)
        if interval <= 0:
            raise ValueError(f"interval: expected 1 step or more, found {interval}")
        self._interval = interval
        self._steps_since_last_call = 0

    def is_available(self) -> bool:
        """Return whether `interval` steps have passed."""
        return self._steps_since_last_call >= self._interval

    def update(self) -> None:
        """Count a step. After `interval` steps, run the callbacks and restart the count."""
        self._steps_since_last_call += 1
        super().update()
        if self.is_available():
            self._steps_since_last_call = 0
