"""Schedulers: callbacks that run every so many seconds or steps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from .. import time

Callback = Callable[[], None]
CallbackIterable = Iterable[Callback]


class Scheduler(ABC):
    """Runs callbacks when it is time; asked by calling `update` over and over."""

    def __init__(self, callbacks: Callback | CallbackIterable | None = None) -> None:
        """Make a scheduler.

        Args:
            callbacks: One callback or several.
        """
        if callbacks is None:
            self._callbacks: list[Callback] = []
        else:
            self._callbacks = [callbacks] if callable(callbacks) else list(callbacks)

    def register_callback(self, callback: Callback) -> None:
        """Add a callback; those added first run first."""
        self._callbacks.append(callback)

    def remove_callback(self, callback: Callback) -> None:
        """Remove a callback.

        Raises:
            ValueError: It is not registered.
        """
        self._callbacks.remove(callback)

    @abstractmethod
    def is_available(self) -> bool:
        """Whether it is time."""

    @abstractmethod
    def update(self) -> None:
        """Run the callbacks if it is time."""
        if self.is_available():
            for callback in self._callbacks:
                callback()


class TimeIntervalScheduler(Scheduler):
    """Runs callbacks every so many seconds; time spent paused does not count."""

    def __init__(
        self, interval: float, callbacks: Callback | CallbackIterable | None = None
    ) -> None:
        """Make a scheduler, whose first interval begins now.

        Args:
            interval: Least time between two runs, in s.
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
        """Whether the interval is over."""
        return time.time() - self._previous_available_time > self._interval

    def update(self) -> None:
        """Run the callbacks and begin a new interval, if the last is over."""
        super().update()
        if self.is_available():
            self._previous_available_time = time.time()


class StepIntervalScheduler(Scheduler):
    """Runs callbacks every so many calls of `update`."""

    def __init__(self, interval: int, callbacks: Callback | CallbackIterable | None = None) -> None:
        """Make a scheduler.

        Args:
            interval: Every how many calls.
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
        """Whether this is the step."""
        return self._steps_since_last_call >= self._interval

    def update(self) -> None:
        """Count a step; run the callbacks and count anew if this is the one."""
        self._steps_since_last_call += 1
        super().update()
        if self.is_available():
            self._steps_since_last_call = 0
