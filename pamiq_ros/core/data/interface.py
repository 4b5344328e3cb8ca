"""DataCollector and DataUser: how steps get from the agent into a trainer's buffer."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from pathlib import Path
from threading import RLock
from typing import Any, Generic, TypeVar

import torch

from .. import time
from ..state import load_tree, save_tree
from ..state_persistence import PersistentStateMixin
from .batch import StepBatch
from .buffer import DataBuffer

_MAX_PAIRS = 1 << 16


class ArrivalTimes:
    """Pairs of a time and the steps that arrived then, oldest first.

    Past 65536 pairs the two oldest become one with the newer time.
    """

    def __init__(self, max_steps: int | None, pairs: Iterable[tuple[float, int]] = ()) -> None:
        """Begin with what was kept before.

        Args:
            max_steps: Older steps than these newest are forgotten; None: none are.
            pairs: Times in s and counts, oldest first.
        """
        self._max_steps = max_steps
        self._pairs: deque[tuple[float, int]] = deque()
        self._total = 0
        for arrived, count in pairs:
            self.add(arrived, count)

    def add(self, time: float, count: int) -> None:
        """Note that `count` steps arrived at `time`."""
        if count == 0:
            return
        if self._pairs and self._pairs[-1][0] == time:
            count_before = self._pairs.pop()[1]
            self._total -= count_before
            count += count_before
        self._pairs.append((time, count))
        self._total += count
        while self._max_steps is not None and self._total - self._pairs[0][1] >= self._max_steps:
            self._total -= self._pairs.popleft()[1]
            if not self._pairs:
                return
        if len(self._pairs) > _MAX_PAIRS:
            oldest, second = self._pairs.popleft(), self._pairs.popleft()
            self._pairs.appendleft((second[0], oldest[1] + second[1]))

    def count_since(self, time: float) -> int:
        """How many steps arrived after `time`, of those that are not forgotten."""
        count = 0
        for arrival, steps in reversed(self._pairs):
            if arrival <= time:
                break
            count += steps
        return count if self._max_steps is None else min(count, self._max_steps)

    def pairs(self) -> list[tuple[float, int]]:
        """The pairs, oldest first."""
        return list(self._pairs)


MOST_WAITING_BYTES = 256 * 2**20
"""What received steps may take in memory while they wait for `DataUser.update`."""

T = TypeVar("T")
R = TypeVar("R")


class DataCollector(Generic[T]):
    """The agent's end: takes steps from any thread, without waiting."""

    def __init__(self, max_queue_size: int | None) -> None:
        """Make a collector.

        Args:
            max_queue_size: Most steps that wait; the oldest are dropped. None: no limit.
        """
        self._max_queue_size = max_queue_size
        self._lock = RLock()
        self._queue: deque[tuple[T, float]] = deque(maxlen=max_queue_size)

    def collect(self, data: T) -> None:
        """Take a step."""
        with self._lock:
            self._queue.append((data, time.time()))

    def _move_data(self) -> deque[tuple[T, float]]:
        with self._lock:
            moved, self._queue = self._queue, deque(maxlen=self._max_queue_size)
        return moved


class DataUser(PersistentStateMixin, Generic[R]):
    """The trainer's end: a buffer, and what is on its way into it.

    Steps come one by one from a collector in the same process, or as batches from another process
    by `receive`. `update` moves both into the buffer. Whoever reads holds the lock that is held
    while steps are moved, so that no step is ever seen half-written.
    """

    def __init__(self, buffer: DataBuffer[Any, R]) -> None:
        """Use a buffer."""
        self._buffer = buffer
        self._lock = RLock()
        self._arrivals = ArrivalTimes(buffer.max_queue_size)
        self._collector = DataCollector[Any](buffer.max_queue_size)
        self._collected: deque[tuple[Any, float]] = deque()
        self._dropped = 0
        self._received: deque[tuple[StepBatch, float]] = deque()
        self._received_steps = self._received_bytes = 0
        self._received_lock = RLock()

    @property
    def dropped(self) -> int:
        """Received steps that were dropped because too many waited for `update`."""
        return self._dropped

    def receive(self, batch: StepBatch) -> None:
        """Take steps from another process; any thread.

        More than `MOST_WAITING_BYTES` do not wait: they are moved into the buffer at once, unless
        the trainer is using it in this moment. Whole batches are dropped, oldest first, when more
        bytes than that wait all the same, or more than the buffer's `max_queue_size` steps wait
        without them.

        Args:
            batch: The steps; not copied until they are moved into the buffer.

        Raises:
            ValueError: They are not of the form of those in the buffer; they are dropped.
        """
        self._buffer.require_form(batch.form)
        with self._received_lock:
            self._received.append((batch, time.time()))
            self._received_steps += len(batch)
            self._received_bytes += batch.nbytes
        if self._received_bytes > MOST_WAITING_BYTES and self._lock.acquire(blocking=False):
            try:
                self._move_received()
            finally:
                self._lock.release()
        limit = self._buffer.max_queue_size
        with self._received_lock:
            while self._received and (
                self._received_bytes > MOST_WAITING_BYTES
                or (limit is not None and self._received_steps - len(self._received[0][0]) >= limit)
            ):
                self._dropped += len(self._pop_received()[0])

    def update(self) -> None:
        """Move what was collected and received into the buffer.

        Raises:
            ValueError: Steps are not of the form of those in the buffer; they are dropped.
        """
        with self._lock:
            self._move_collected()
            self._move_received()

    def get_data(self) -> R:
        """All data in the buffer, what just arrived included."""
        with self._lock:
            self.update()
            return self._buffer.get_data()

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Any:
        """Draw steps at random, what just arrived included; see `DataBuffer.sample`.

        Raises:
            ValueError: The buffer is empty, or `batch_size` is not positive.
        """
        with self._lock:
            self.update()
            return self._buffer.sample(batch_size, generator)

    def newest(self, count: int) -> Any:
        """The newest steps, what just arrived included, oldest first; see `DataBuffer.newest`.

        Raises:
            ValueError: The buffer is empty, or `count` is not positive.
        """
        with self._lock:
            self.update()
            return self._buffer.newest(count)

    def sample_sequences(
        self, batch_size: int, length: int, generator: torch.Generator | None = None
    ) -> Any:
        """Draw stretches of consecutive steps; see `DataBuffer.sample_sequences`.

        Raises:
            ValueError: Fewer than `length` steps are kept, or a number is not positive.
        """
        with self._lock:
            self.update()
            return self._buffer.sample_sequences(batch_size, length, generator)

    def count_data_added_since(self, timestamp: float) -> int:
        """How many of the steps moved into the buffer arrived after a time.

        Args:
            timestamp: A reading of `pamiq_ros.core.time.time()`.
        """
        with self._lock:
            return self._arrivals.count_since(timestamp)

    def save_ahead(self, path: Path) -> None:
        """Write what of the buffer may be written ahead of `save_state`; any thread."""
        path.mkdir(exist_ok=True)
        self._buffer.save_ahead(path / "buffer", self._lock)

    def save_state(self, path: Path) -> None:
        """Save the buffer and the arrival times in the directory `path`."""
        with self._lock:
            self.update()
            path.mkdir(exist_ok=True)
            self._buffer.save_state(path / "buffer")
            pairs = torch.tensor(self._arrivals.pairs(), dtype=torch.float64).reshape(-1, 2)
            save_tree(path / "arrivals", {"time_count": pairs})

    def load_state(self, path: Path) -> None:
        """Load the buffer and the arrival times from the directory `path`."""
        with self._lock:
            self._buffer.load_state(path / "buffer")
            pairs = load_tree(path / "arrivals")["time_count"].tolist()
            self._arrivals = ArrivalTimes(
                self._buffer.max_queue_size, [(arrival, int(count)) for arrival, count in pairs]
            )

    def __len__(self) -> int:
        """How many steps are in the buffer."""
        return len(self._buffer)

    def _move_collected(self) -> None:
        self._collected.extend(self._collector._move_data())
        while self._collected:  # one by one, so that a step that is refused takes no other along
            data, arrival = self._collected.popleft()
            self._buffer.add(data)
            self._arrivals.add(arrival, 1)

    def _move_received(self) -> None:
        while True:
            with self._received_lock:
                if not self._received:
                    return
                batch, arrival = self._pop_received()
            self._buffer.add_batch(batch)
            self._arrivals.add(arrival, len(batch))

    def _pop_received(self) -> tuple[StepBatch, float]:
        batch, arrival = self._received.popleft()
        self._received_steps -= len(batch)
        self._received_bytes -= batch.nbytes
        return batch, arrival
