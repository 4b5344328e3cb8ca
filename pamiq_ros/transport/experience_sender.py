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

"""Sends the steps that an agent collects. The tick never waits for it."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from pamiq_ros.core.data import DataCollector
from pamiq_ros.core.data.batch import Form, flatten, leaves

from .experience import ExperienceWriter
from .payload import Buffer, named

_STEP_BYTES = 64
_SCALAR_BYTES = 8


class WakeUp:
    """Wakes one waiting thread; a cheaper `threading.Event` that `wait` clears.

    `Event.set` takes 50 us where caches are cold, as in a tick after its sleep, because it is
    written in Python. A lock's `release` takes 15 us.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()

    def wake(self) -> None:
        """Wake the waiting thread, or the next one that waits; any thread."""
        if self._lock.locked():
            try:
                self._lock.release()
            except RuntimeError:  # another thread released it in this moment
                return

    def wait(self, timeout: float | None = None) -> None:
        """Return once `wake` was called since the last `wait`, at the latest after `timeout` s."""
        self._lock.acquire(timeout=-1 if timeout is None else timeout)


class QueuedStep(NamedTuple):
    """A step as it was collected.

    Attributes:
        number: Counts the steps put into the queue, from 0; dropped ones leave a gap.
        step: The step.
        weights_version: Version of the weights that acted.
        stamp_ns: When it was collected, in ns since the epoch.
        queued_at: When it was put into the queue, in s of the monotonic clock.
        nbytes: About how much memory it takes.
    """

    number: int
    step: Any
    weights_version: int
    stamp_ns: int
    queued_at: float
    nbytes: int


class StepQueue:
    """A queue bounded by bytes; when full, the oldest step is dropped. One thread takes steps.

    `put` never waits for the thread that takes, because they share no lock: each end of a deque is
    thread-safe by itself, and each counter is written by one side only.

    Args:
        max_bytes: Most memory of the queued steps; one step is kept whatever its size.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._steps: deque[QueuedStep] = deque()
        self._put_lock = threading.Lock()
        self._put = self._dropped = 0
        self._put_bytes = self._dropped_bytes = self._taken_bytes = 0

    def __len__(self) -> int:
        return len(self._steps)

    @property
    def put_count(self) -> int:
        """How many steps were put into the queue so far; the number of the next one."""
        return self._put

    @property
    def dropped_count(self) -> int:
        """How many steps were dropped."""
        return self._dropped

    @property
    def nbytes(self) -> int:
        """About how much memory the queued steps take."""
        return self._put_bytes - self._dropped_bytes - self._taken_bytes

    @property
    def oldest(self) -> QueuedStep | None:
        """The next step to be taken; None when the queue is empty."""
        try:
            return self._steps[0]
        except IndexError:
            return None

    def put(self, step: Any, weights_version: int, stamp_ns: int) -> None:
        """Append a step; takes microseconds. Any thread."""
        nbytes = step_bytes(step)
        with self._put_lock:
            self._steps.append(
                QueuedStep(self._put, step, weights_version, stamp_ns, time.monotonic(), nbytes)
            )
            self._put += 1
            self._put_bytes += nbytes
            while self.nbytes > self._max_bytes and len(self._steps) > 1:
                self._drop_oldest()

    def take(self, max_steps: int, max_bytes: int) -> list[QueuedStep]:
        """Remove and return the oldest steps, at least one unless the queue is empty.

        Args:
            max_steps: Most steps.
            max_bytes: Most bytes of all together; a single larger step is returned alone.
        """
        taken: list[QueuedStep] = []
        free = max_bytes
        while len(taken) < max_steps and (oldest := self.oldest) is not None:
            if taken and oldest.nbytes > free:
                break
            try:
                oldest = self._steps.popleft()
            except IndexError:
                break
            self._taken_bytes += oldest.nbytes
            free -= oldest.nbytes
            taken.append(oldest)
        return taken

    def _drop_oldest(self) -> None:
        try:
            oldest = self._steps.popleft()
        except IndexError:  # taken in this moment
            return
        self._dropped += 1
        self._dropped_bytes += oldest.nbytes


def step_bytes(step: Any) -> int:
    """Return about how many bytes of memory a step takes; reads no data."""
    return _STEP_BYTES + _nbytes(step)


def _nbytes(value: Any) -> int:
    # This runs in the tick: exact types first, because the check for a Mapping takes as long as
    # all others together.
    kind = type(value)
    if kind is float or kind is int or kind is bool or value is None:
        return _SCALAR_BYTES
    if kind is dict:
        return sum(map(_nbytes, value.values()))
    if kind is list or kind is tuple:
        return sum(map(_nbytes, value))
    if kind is str:
        return len(value)
    nbytes = getattr(value, "nbytes", None)
    if nbytes is None and isinstance(value, Mapping):
        return sum(map(_nbytes, value.values()))
    return _SCALAR_BYTES if nbytes is None else int(nbytes)


@dataclass
class _Batch:
    """Steps of one form, numbered without a gap.

    Attributes:
        form: The form of the steps.
        lost_before: How many steps were dropped between the previous batch and this one.
        steps: The steps.
        rows: The leaves of each step, as `flatten` returns them.
    """

    form: Form
    lost_before: int
    steps: list[QueuedStep] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)


class ExperienceSender:
    """Batches steps by count, bytes and time, numbers them and publishes them in its own thread.

    Steps are numbered one by one from 0. A step dropped because the queue was full has a number,
    so the receiver counts it as lost. A step that cannot be written is reported and has none.

    Args:
        buffer: Name of the buffer the steps are for.
        digest: Digest of this node's configuration.
        source: Name of this process, different after each start.
        publish: Called with each payload, in the sender's thread; the payload is valid until the
            call returns.
        max_steps: Most steps in a payload.
        max_bytes: About the most bytes in a payload; a single larger step is sent alone.
        max_delay_s: How long in s a step waits for others to share its payload.
        max_queue_bytes: Most memory of unsent steps; beyond it the oldest are dropped.
        on_error: Called with a text for each error, in the sender's thread.

    Raises:
        ValueError: A limit is out of range, or a name is empty.
    """

    def __init__(
        self,
        buffer: str,
        digest: str,
        source: str,
        publish: Callable[[Buffer], None],
        *,
        max_steps: int = 64,
        max_bytes: int = 2**20,
        max_delay_s: float = 0.2,
        max_queue_bytes: int = 256 * 2**20,
        on_error: Callable[[str], None] = lambda text: None,
    ) -> None:
        if not 0 <= max_delay_s < float("inf"):
            raise ValueError(f"max_delay_s: expected 0 s or more, found {max_delay_s!r}")
        limits = {
            "max_steps": max_steps,
            "max_bytes": max_bytes,
            "max_queue_bytes": max_queue_bytes,
        }
        for name, limit in limits.items():
            if limit < 1:
                raise ValueError(f"{name}: expected 1 or more, found {limit!r}")
        if not (buffer and digest and source):
            raise ValueError(f"expected names, found {buffer!r}, {digest!r} and {source!r}")
        self._buffer = buffer
        self._writer = ExperienceWriter(digest, source, buffer)
        self._publish = publish
        self._max_steps, self._max_bytes, self._max_delay = max_steps, max_bytes, max_delay_s
        self._on_error = on_error
        self._queue = StepQueue(max_queue_bytes)
        self._counts: Counter[str] = Counter()
        self._sequence = self._done = self._flush_below = 0
        self._closing = False
        self._wake_up = WakeUp()
        self._progress = threading.Condition()
        self._thread = threading.Thread(
            target=self._run, name=f"experience-sender-{buffer}", daemon=True
        )
        self._thread.start()

    def collect(self, step: Any, weights_version: int, stamp_ns: int) -> None:
        """Queue a step; takes microseconds and never waits for the network. Any thread.

        Args:
            step: A step; the caller does not change its tensors afterwards.
            weights_version: Version of the weights that acted, 0 for none.
            stamp_ns: When the step happened, in ns since the epoch.

        Raises:
            RuntimeError: The sender is closed.
        """
        if self._closing:
            raise RuntimeError(f"buffer {self._buffer!r}: collected after the sender was closed")
        self._queue.put(step, weights_version, stamp_ns)
        # Between the first and the last step of a batch the thread sleeps, to not disturb the tick.
        if len(self._queue) <= 1 or self._is_full():
            self._wake_up.wake()

    def flush(self, timeout: float) -> bool:
        """Send the steps collected before this call without further delay.

        Args:
            timeout: How long to wait for that, in s.

        Returns:
            Whether all of them were published, dropped or reported within that time.
        """
        with self._progress:
            goal = self._queue.put_count
            self._flush_below = max(self._flush_below, goal)
            self._wake_up.wake()
            return self._progress.wait_for(lambda: self._done >= goal, timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Send the remaining steps and end the thread.

        Returns:
            Whether all was sent and the thread ended within `timeout` s.
        """
        deadline = time.monotonic() + timeout
        self._closing = True
        flushed = self.flush(timeout)
        self._wake_up.wake()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return flushed and not self._thread.is_alive()

    def statistics(self) -> dict[str, int]:
        """Return counters since the sender was created.

        Returns:
            `collected`, `sent`, `dropped` (the queue was full), `unwritable` and `unpublished`
            (publishing failed) in steps, `numbered` (those sent or dropped so far), `queued` in
            steps, `batches`, and `bytes` published.
        """
        names = ("sent", "unwritable", "unpublished", "batches", "bytes")
        return {
            "collected": self._queue.put_count,
            "dropped": self._queue.dropped_count,
            "queued": len(self._queue),
            "numbered": self._sequence,
            **{name: self._counts[name] for name in names},
        }

    def _is_full(self) -> bool:
        return len(self._queue) >= self._max_steps or self._queue.nbytes >= self._max_bytes

    def _run(self) -> None:
        while True:
            self._wait_for_batch()
            steps = self._queue.take(self._max_steps, self._max_bytes)
            if steps:
                self._send(steps)
            elif self._closing:
                return

    def _wait_for_batch(self) -> None:
        while True:
            oldest = self._queue.oldest
            if self._closing or self._is_full():
                return
            wait = None
            if oldest is not None:
                wait = oldest.queued_at + self._max_delay - time.monotonic()
                if wait <= 0 or oldest.number < self._flush_below:
                    return
            self._wake_up.wait(wait)

    def _send(self, steps: list[QueuedStep]) -> None:
        batches, lost_after = self._batches(steps)
        for batch in batches:
            self._sequence += batch.lost_before
            self._send_batch(batch)
        self._sequence += lost_after
        with self._progress:
            self._done = steps[-1].number + 1
            self._progress.notify_all()

    def _batches(self, steps: list[QueuedStep]) -> tuple[list[_Batch], int]:
        """Group the steps into batches; also return how many were dropped after the last one."""
        batches: list[_Batch] = []
        expected, lost = self._done, 0
        for queued in steps:
            lost += queued.number - expected
            expected = queued.number + 1
            try:
                form, values = flatten(queued.step)
                if not leaves(form):
                    raise ValueError("step: expected at least one number, array or tensor")
            except Exception as error:  # users decide what a step contains; the thread goes on
                self._count_unwritable(1, error)
                continue
            if lost or not batches or batches[-1].form != form:
                batches.append(_Batch(form, lost))
                lost = 0
            batches[-1].steps.append(queued)
            batches[-1].rows.append(values)
        return batches, lost

    def _send_batch(self, batch: _Batch) -> None:
        count = len(batch.steps)
        try:
            data = self._writer.write(
                self._sequence,
                [step.stamp_ns for step in batch.steps],
                [step.weights_version for step in batch.steps],
                batch.form,
                batch.rows,
            )
        except Exception as error:  # users decide what a step contains; the thread goes on
            self._count_unwritable(count, error)
            return
        self._sequence += count
        try:
            self._publish(data)
        except Exception as error:  # any error of the middleware
            self._counts["unpublished"] += count
            self._on_error(f"buffer {self._buffer!r}: publishing failed: {named(error)}")
            return
        self._counts.update(sent=count, batches=1, bytes=len(data))

    def _count_unwritable(self, steps: int, error: Exception) -> None:
        self._counts["unwritable"] += steps
        self._on_error(f"buffer {self._buffer!r}: a step cannot be sent: {named(error)}")


class Time(Protocol):
    """A time of a `Clock`, as `rclpy.time.Time`."""

    @property
    def nanoseconds(self) -> int:
        """Time since the epoch in ns."""


class Clock(Protocol):
    """The clock of a node, as `rclpy.clock.Clock`: with simulated time, that of the simulation."""

    def now(self) -> Time:
        """Return the time now."""


class Acting(Protocol):
    """Who acts with weights, as `pamiq_ros.runtime.actor.Actor`.

    Attributes:
        weights_version: Version of the weights in use; 0 for none.
    """

    weights_version: int


class ExperienceCollector(DataCollector[Any]):
    """Passes each step to a sender, with the time and the version of the weights that acted.

    Args:
        sender: Sends the steps of this buffer.
        clock: The clock of the node.
        actor: Whose weights act.
    """

    def __init__(self, sender: ExperienceSender, clock: Clock, actor: Acting) -> None:
        super().__init__(max_queue_size=0)
        self._sender = sender
        self._clock = clock
        self._actor = actor

    def collect(self, data: Any) -> None:
        """Queue a step, in microseconds; the caller does not change its tensors afterwards."""
        stamp_ns = self._clock.now().nanoseconds
        self._sender.collect(data, self._actor.weights_version, stamp_ns)
