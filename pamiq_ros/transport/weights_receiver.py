"""Receives a model's weights in a thread of its own and stages them for the tick."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any

from ..wire import chunks, weights
from ..wire.chunks import ChunkAssembler
from ..wire.metadata import DigestMismatch
from ..wire.payload import Buffer, Payload, PayloadError, decode
from ..wire.weights import MAX_WEIGHTS_BYTES, Weights, weights_of
from .reports import ForeignSources, named

Carrier = Callable[[Payload], "Weights | None"]
"""One way weights travel: takes a payload of its schema, returns weights when they are whole."""


class WeightsReceiver:
    """Puts weights together, decodes them and stages them, away from the executor and the tick.

    How weights travel is told by the schema of each payload: whole, or in chunks. Further carriers
    join the table by their schema; senders and callers of this class need not know.

    Args:
        digest: Digest of this node's configuration; weights of another are refused.
        stage: Called with the version and the parameters of whole new weights, in the receiver's
            thread. What it raises refuses them; the tensors are free to be kept.
        on_error: Called with a text for each thing that goes wrong, in the receiver's thread.
        max_bytes: Longer weights are refused before memory is taken for them.
        max_queue_bytes: What payloads may take that came and were not looked at; beyond it the
            oldest are dropped.
    """

    def __init__(
        self,
        digest: str,
        stage: Callable[[int, Mapping[str, Any]], None],
        *,
        max_bytes: int = MAX_WEIGHTS_BYTES,
        max_queue_bytes: int = 2**30,
        on_error: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._digest = digest
        self._stage = stage
        self._max_bytes, self._max_queue_bytes = max_bytes, max_queue_bytes
        self._on_error = on_error
        self._assembler = ChunkAssembler(digest, max_bytes)
        self._carriers: dict[str, Carrier] = {
            chunks.SCHEMA: self._assembler.add_payload,
            weights.SCHEMA: lambda payload: weights_of(payload, digest),
        }
        self._counts: Counter[str] = Counter()
        self._foreign = ForeignSources()
        self._source, self._version = "", 0
        self._queue: deque[Buffer] = deque()
        self._queue_bytes = 0
        self._busy = self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="weights-receiver", daemon=True)
        self._thread.start()

    @property
    def version(self) -> int:
        """The version staged last; 0 before the first."""
        return self._version

    @property
    def source(self) -> str:
        """Where the weights staged last are from; empty before the first."""
        return self._source

    def receive(self, data: Buffer) -> None:
        """Take a payload, in microseconds; any thread. Leave `data` alone afterwards."""
        size = memoryview(data).nbytes
        with self._changed:
            if self._closing:
                return
            self._queue.append(data)
            self._queue_bytes += size
            self._counts["bytes"] += size
            while self._queue_bytes > self._max_queue_bytes and len(self._queue) > 1:
                self._queue_bytes -= memoryview(self._queue.popleft()).nbytes
                self._counts["dropped"] += 1
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was received is looked at, for `timeout` s at most.

        Returns:
            Whether it is.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Leave what was not looked at and end the thread.

        Returns:
            Whether the thread ended within `timeout` s.
        """
        with self._changed:
            self._closing = True
            self._queue.clear()
            self._queue_bytes = 0
            self._changed.notify_all()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def figures(self) -> dict[str, int]:
        """Counts so far.

        Returns:
            `version` (staged last), `bytes` received; how many sets of weights were `received`
            (staged), `refused` (by `stage`), `stale` (whole but not newer), `abandoned`
            (incomplete when newer ones came) and `broken`; how many payloads were `malformed`,
            `foreign` (of another digest), `duplicate`, `stale_chunks`, `mixed` and `dropped`.
        """
        own = ("bytes", "received", "refused", "stale", "malformed", "foreign", "dropped")
        theirs = ("abandoned", "broken", "duplicate", "mixed")
        assembled = self._assembler.figures
        return {
            "version": self._version,
            **{name: self._counts[name] for name in own},
            **{name: assembled[name] for name in theirs},
            "stale_chunks": assembled["stale"],
        }

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: bool(self._queue) or self._closing)
                if self._closing:
                    return
                data = self._queue.popleft()
                self._queue_bytes -= memoryview(data).nbytes
                self._busy = True
            self._take(data)

    def _take(self, data: Buffer) -> None:
        try:
            payload = decode(data, self._max_bytes)
            schema = payload.metadata.get("schema", "")
            carrier = self._carriers.get(schema)
            if carrier is None:
                known = ", ".join(self._carriers)
                raise PayloadError(f"schema: expected one of {known}; found {schema[:80]!r}")
            whole = carrier(payload)
        except DigestMismatch as error:
            self._counts["foreign"] += 1
            if self._foreign.is_new(error):
                self._on_error(f"weights refused: {error}")
        except PayloadError as error:
            self._counts["malformed"] += 1
            self._on_error(f"weights are malformed: {error}")
        except Exception as error:  # memory may run out; the thread has to live
            self._counts["malformed"] += 1
            self._on_error(f"weights could not be decoded: {named(error)}")
        else:
            if whole is not None:
                self._take_whole(whole)

    def _take_whole(self, whole: Weights) -> None:
        if whole.source == self._source and whole.version <= self._version:
            self._counts["stale"] += 1
            return
        try:
            self._stage(whole.version, whole.parameters)
        except Exception as error:  # the stage is the caller's; the thread has to live
            self._counts["refused"] += 1
            self._on_error(f"weights version {whole.version} refused: {named(error)}")
            return
        self._source, self._version = whole.source, whole.version
        self._counts["received"] += 1
