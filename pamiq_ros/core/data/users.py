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

"""DataCollector and DataUser: the path of steps from the agent into a trainer's buffer."""

from __future__ import annotations

from collections import UserDict, deque
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Event, RLock
from typing import Any, Generic, TypeVar

import torch
from typing_extensions import Self

from .. import time
from ..state import load_tree, save_tree
from ..state_persistence import PersistentParts, PersistentStateMixin
from .batch import StepBatch
from .buffer import DataBuffer

_MAX_PAIRS = 1 << 16


class ArrivalTimes:
    """Pairs of a time and the number of steps that arrived then, oldest first.

    Beyond 65536 pairs the two oldest are joined into one with the newer time.
    """

    def __init__(self, max_steps: int | None, pairs: Iterable[tuple[float, int]] = ()) -> None:
        """Start with pairs saved earlier.

        Args:
            max_steps: Only this many of the newest steps are counted; None: no limit.
            pairs: Times in s and counts, oldest first.
        """
        self._max_steps = max_steps
        self._pairs: deque[tuple[float, int]] = deque()
        self._total = 0
        for arrived, count in pairs:
            self.add(arrived, count)

    def add(self, time: float, count: int) -> None:
        """Record that `count` steps arrived at `time`."""
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
        """Return how many of the counted steps arrived after `time`."""
        count = 0
        for arrival, steps in reversed(self._pairs):
            if arrival <= time:
                break
            count += steps
        return count if self._max_steps is None else min(count, self._max_steps)

    def pairs(self) -> list[tuple[float, int]]:
        """Return the pairs, oldest first."""
        return list(self._pairs)


MAX_PENDING_BYTES = 256 * 2**20
"""Most memory that received steps take while they wait for `DataUser.update`."""

T = TypeVar("T")
R = TypeVar("R")


class DataCollector(Generic[T]):
    """The agent's side: accepts steps from any thread, without waiting."""

    def __init__(self, max_queue_size: int | None) -> None:
        """Create a collector.

        Args:
            max_queue_size: Most steps in the queue; the oldest are dropped. None: no limit.
        """
        self._max_queue_size = max_queue_size
        self._lock = RLock()
        self._queue: deque[tuple[T, float]] = deque(maxlen=max_queue_size)

    def collect(self, data: T) -> None:
        """Append a step to the queue."""
        with self._lock:
            self._queue.append((data, time.time()))

    def _move_data(self) -> deque[tuple[T, float]]:
        with self._lock:
            moved, self._queue = self._queue, deque(maxlen=self._max_queue_size)
        return moved


class DataUser(PersistentStateMixin, Generic[R]):
    """The trainer's side: a buffer, and the steps that are not in it yet.

    Steps arrive one by one from a collector in the same process, or in batches from another
    process by `receive`. `update` moves both into the buffer. Every reader holds the lock under
    which steps are moved, so no reader sees a half-written step.
    """

    def __init__(self, buffer: DataBuffer[Any, R]) -> None:
        """Use a buffer."""
        self._buffer = buffer
        self._max_pending = buffer.max_queue_size
        self._lock = RLock()
        self._arrivals = ArrivalTimes(self._max_pending)
        self._collector = DataCollector[Any](self._max_pending)
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
        """Accept steps from another process; any thread.

        They wait for `update`. Beyond `MAX_PENDING_BYTES` they are moved into the buffer at once,
        unless the trainer is using it. If that does not help, or if more than the buffer's
        `max_queue_size` steps wait, whole batches are dropped, oldest first.

        Args:
            batch: The steps; not copied until they are moved into the buffer.

        Raises:
            ValueError: Their form differs from that of the steps in the buffer; they are dropped.
        """
        self._buffer.require_form(batch.form)
        with self._received_lock:
            self._received.append((batch, time.time()))
            self._received_steps += len(batch)
            self._received_bytes += batch.nbytes
        if self._received_bytes > MAX_PENDING_BYTES and self._lock.acquire(blocking=False):
            try:
                self._move_received()
            finally:
                self._lock.release()
        with self._received_lock:
            while self._received and self._too_many_pending():
                self._dropped += len(self._pop_received()[0])

    def update(self) -> None:
        """Move collected and received steps into the buffer.

        Raises:
            ValueError: The form of steps differs from that of the steps in the buffer; they are
                dropped.
        """
        with self._lock:
            self._move_collected()
            self._move_received()

    def get_data(self) -> R:
        """Return all data in the buffer, after `update`."""
        with self._lock:
            self.update()
            return self._buffer.get_data()

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Any:
        """Sample steps at random, after `update`; see `DataBuffer.sample`.

        Raises:
            ValueError: The buffer is empty, or `batch_size` is not positive.
        """
        with self._lock:
            self.update()
            return self._buffer.sample(batch_size, generator)

    def newest(self, count: int) -> Any:
        """Return the newest steps, oldest first, after `update`; see `DataBuffer.newest`.

        Raises:
            ValueError: The buffer is empty, or `count` is not positive.
        """
        with self._lock:
            self.update()
            return self._buffer.newest(count)

    def sample_sequences(
        self, batch_size: int, length: int, generator: torch.Generator | None = None
    ) -> Any:
        """Sample sequences of consecutive steps, after `update`; see `DataBuffer.sample_sequences`.

        Raises:
            ValueError: The buffer has fewer than `length` steps, or a number is not positive.
        """
        with self._lock:
            self.update()
            return self._buffer.sample_sequences(batch_size, length, generator)

    def count_data_added_since(self, timestamp: float) -> int:
        """Return how many of the steps moved into the buffer arrived after a time.

        Args:
            timestamp: A time from `pamiq_ros.core.time.time()`, in s.
        """
        with self._lock:
            return self._arrivals.count_since(timestamp)

    def save_ahead(self, path: Path) -> None:
        """Write the part of the buffer that can be written before `save_state`; any thread."""
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
                self._max_pending, [(arrival, int(count)) for arrival, count in pairs]
            )

    def __len__(self) -> int:
        """Return the number of steps in the buffer."""
        return len(self._buffer)

    def _move_collected(self) -> None:
        self._collected.extend(self._collector._move_data())
        while self._collected:  # one by one: a refused step must not take others with it
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

    def _too_many_pending(self) -> bool:
        if self._received_bytes > MAX_PENDING_BYTES:
            return True
        without_oldest = self._received_steps - len(self._received[0][0])
        return self._max_pending is not None and without_oldest >= self._max_pending


class DataUsersDict(PersistentParts, UserDict[str, DataUser[Any]]):
    """Data users by name, and their collectors.

    Attributes:
        received: Set by `receive`, for a thread that waits for new steps and clears it.
    """

    def __init__(self, *args: Any, **kwds: Any) -> None:
        """Accept the arguments of `dict`."""
        self.received = Event()
        self._data_collectors_dict = DataCollectorsDict()
        super().__init__(*args, **kwds)

    @classmethod
    def from_data_buffers(
        cls, buffer_map: Mapping[str, DataBuffer[Any, Any]] | None = None, /, **kwds: Any
    ) -> Self:
        """Return a data user for each buffer.

        Args:
            buffer_map: Buffers by name.
            **kwds: More buffers by name.
        """
        buffers: dict[str, DataBuffer[Any, Any]] = {**(buffer_map or {}), **kwds}
        return cls({name: DataUser(buffer) for name, buffer in buffers.items()})

    @property
    def data_collectors_dict(self) -> DataCollectorsDict:
        """The collector of each data user, by the same name."""
        return self._data_collectors_dict

    def receive(self, name: str, batch: StepBatch) -> None:
        """Accept steps from another process for the data user `name`; any thread.

        Raises:
            KeyError: There is no such data user.
            ValueError: The steps do not fit; see `DataUser.receive`.
        """
        self[name].receive(batch)
        self.received.set()

    def __setitem__(self, key: str, item: DataUser[Any]) -> None:
        """Set a data user, and its collector with it."""
        super().__setitem__(key, item)
        self._data_collectors_dict[key] = item._collector

    def save_ahead(self, path: Path) -> None:
        """Write what can be written before `save_state` of the same path; any thread."""
        path.mkdir(exist_ok=True)
        for name, user in self.data.items():
            user.save_ahead(path / name)

    def _parts(self) -> Mapping[str, Any]:
        return self.data


class DataCollectorsDict(UserDict[str, DataCollector[Any]]):
    """Collectors by name; each can be acquired once."""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        """Accept the arguments of `dict`."""
        super().__init__(*args, **kwds)
        self._acquired: set[str] = set()

    def acquire(self, collector_name: str) -> DataCollector[Any]:
        """Return the collector of a name.

        Raises:
            KeyError: There is none of that name, or it was acquired before.
        """
        if collector_name not in self:
            known = ", ".join(sorted(self))
            raise KeyError(f"no data collector '{collector_name}', expected one of: {known}")
        if collector_name in self._acquired:
            raise KeyError(f"data collector '{collector_name}' is already acquired")
        self._acquired.add(collector_name)
        return self[collector_name]
