"""Sends the steps an agent collects, without the tick ever waiting for it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pamiq_ros.core.data import DataCollector
from pamiq_ros.core.data.batch import Form, flatten, leaves

from .experience_writer import ExperienceWriter
from .payload import Buffer, named
from .step_queue import QueuedStep, StepQueue, WakeUp


@dataclass
class _Run:
    """Steps of one form, numbered without a gap."""

    form: Form
    lost_before: int
    steps: list[QueuedStep] = field(default_factory=list)
    rows: list[list[Any]] = field(default_factory=list)


class ExperienceSender:
    """Batches steps by count, bytes and time, numbers them, and publishes them from its own thread.

    Steps are numbered one by one from 0. A step dropped because the queue was full takes its
    number with it, so that the receiver counts it as lost; one that cannot be written is reported
    and skipped, and takes none.

    Args:
        buffer: Name of the buffer the steps are for.
        digest: Digest of this node's configuration.
        source: Name of this process, new at each start.
        publish: Called with each payload, in the sender's thread; the payload is valid until it
            returns.
        max_steps: Most steps in a payload.
        max_bytes: About the most bytes in a payload; a single larger step goes alone.
        max_delay_s: How long in s a step waits for others to share its payload.
        max_queue_bytes: What unsent steps may take in memory; beyond it the oldest are dropped.
        on_error: Called with a text for each thing that goes wrong, in the sender's thread.

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
        self._bell = WakeUp()
        self._progress = threading.Condition()
        self._thread = threading.Thread(
            target=self._run, name=f"experience-sender-{buffer}", daemon=True
        )
        self._thread.start()

    def collect(self, step: Any, weights_version: int, stamp_ns: int) -> None:
        """Take a step; returns in microseconds, whatever becomes of it. Any thread.

        Args:
            step: Any nesting a step may have; leave what it holds alone from here on.
            weights_version: Version of the weights that acted, 0 for none.
            stamp_ns: When the step happened, in ns since the epoch.

        Raises:
            RuntimeError: The sender is closed.
        """
        if self._closing:
            raise RuntimeError(f"buffer {self._buffer!r}: collected after the sender was closed")
        self._queue.put(step, weights_version, stamp_ns)
        # Between the first step of a batch and its last the sender sleeps, to leave the tick alone.
        if len(self._queue) <= 1 or self._is_full():
            self._bell.ring()

    def flush(self, timeout: float) -> bool:
        """Send what was collected before this call without further delay.

        Args:
            timeout: How long to wait for it, in s.

        Returns:
            Whether it is done in that time: all published, dropped or reported.
        """
        with self._progress:
            goal = self._queue.put_count
            self._flush_below = max(self._flush_below, goal)
            self._bell.ring()
            return self._progress.wait_for(lambda: self._done >= goal, timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Send what is left and end the thread.

        Returns:
            Whether all was sent and the thread ended within `timeout` s.
        """
        deadline = time.monotonic() + timeout
        self._closing = True
        flushed = self.flush(timeout)
        self._bell.ring()
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return flushed and not self._thread.is_alive()

    def figures(self) -> dict[str, int]:
        """Counts so far.

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
            self._bell.wait(wait)

    def _send(self, steps: list[QueuedStep]) -> None:
        runs, lost_after = self._runs(steps)
        for run in runs:
            self._sequence += run.lost_before
            self._send_run(run)
        self._sequence += lost_after
        with self._progress:
            self._done = steps[-1].number + 1
            self._progress.notify_all()

    def _runs(self, steps: list[QueuedStep]) -> tuple[list[_Run], int]:
        """Group the steps by what one payload can hold; also how many were lost after them."""
        runs: list[_Run] = []
        expected, lost = self._done, 0
        for queued in steps:
            lost += queued.number - expected
            expected = queued.number + 1
            try:
                form, values = flatten(queued.step)
                if not leaves(form):
                    raise ValueError("step: expected at least one number, array or tensor")
            except Exception as error:  # a step may hold anything; the thread has to live
                self._count_unwritable(1, error)
                continue
            if lost or not runs or runs[-1].form != form:
                runs.append(_Run(form, lost))
                lost = 0
            runs[-1].steps.append(queued)
            runs[-1].rows.append(values)
        return runs, lost

    def _send_run(self, run: _Run) -> None:
        count = len(run.steps)
        try:
            data = self._writer.write(
                self._sequence,
                [step.stamp_ns for step in run.steps],
                [step.weights_version for step in run.steps],
                run.form,
                run.rows,
            )
        except Exception as error:  # a step may hold anything; the thread has to live
            self._count_unwritable(count, error)
            return
        self._sequence += count
        try:
            self._publish(data)
        except Exception as error:  # whatever the middleware raises
            self._counts["unpublished"] += count
            self._on_error(f"buffer {self._buffer!r}: publishing failed: {named(error)}")
            return
        self._counts.update(sent=count, batches=1, bytes=len(data))

    def _count_unwritable(self, steps: int, error: Exception) -> None:
        self._counts["unwritable"] += steps
        self._on_error(f"buffer {self._buffer!r}: a step cannot be sent: {named(error)}")


class ExperienceCollector(DataCollector[Any]):
    """Hands each step to a sender, with the weights version that acted and the time.

    Args:
        sender: Sends the steps of this buffer.
        version: The version of the weights in use now.
        stamp_ns: The time now, in ns since the epoch of the node's clock.
    """

    def __init__(
        self,
        sender: ExperienceSender,
        version: Callable[[], int],
        stamp_ns: Callable[[], int],
    ) -> None:
        super().__init__(max_queue_size=0)
        self._sender = sender
        self._version = version
        self._stamp_ns = stamp_ns

    def collect(self, data: Any) -> None:
        """Take a step, in microseconds; leave what it holds alone from here on."""
        self._sender.collect(data, self._version(), self._stamp_ns())
