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

"""Receives a model's weights in a thread of its own and stages them for the tick."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pamiq_ros.core.model import ParameterReader, StaleParameters

from . import chunks, weights
from .chunks import ChunkAssembler
from .payload import Buffer, DigestMismatch, Payload, PayloadError, Reported, decode, named
from .shared_weights import FOLDER, Overtaken, SharedWeights, WeightsFile, boot_id
from .versions import MOST_AHEAD, is_late
from .weights import (
    ANYBODY,
    MAX_WEIGHTS_BYTES,
    Descriptor,
    Request,
    Weights,
    descriptor_of,
    encode_request,
    is_nested,
    weights_of,
)

Carrier = Callable[[Payload], None]
"""Takes a payload of one schema; stages weights when they are whole."""

_BETWEEN_REQUESTS_S = 1.0

_MOST_OVERTAKEN = 16
"""After this many overtaken versions in a row the learner is faster than this receiver."""


class WeightsReceiver:
    """Receives weights whole, in chunks or in shared memory, and stages them, in its own thread.

    The schema of each payload says which. If shared memory cannot be read for any reason, the
    receiver requests the weights in chunks.

    Args:
        digest: Digest of this node's configuration; weights of another are refused.
        stage: Called with the version and the parameters of whole new weights, in the receiver's
            thread. An exception refuses them; the tensors may be kept.
        stage_from: Called instead with a reader of the tensors in shared memory; None: they are
            read into new memory and given to `stage`.
        make_room: Called before memory is allocated for a version that arrives in chunks.
        ask: Called with a request for chunks, to be published to the sender.
        folder: Folder for shared memory.
        on_error: Called with a text for each fault, in the receiver's thread.
        max_bytes: Longer weights are refused before memory is allocated for them.
        max_queue_bytes: Most bytes of payloads that wait; beyond it the oldest are dropped.
    """

    def __init__(
        self,
        digest: str,
        stage: Callable[[int, Mapping[str, Any]], None],
        *,
        stage_from: Callable[[int, ParameterReader], None] | None = None,
        make_room: Callable[[], None] = lambda: None,
        ask: Callable[[bytes], None] = lambda data: None,
        folder: Path = FOLDER,
        max_bytes: int = MAX_WEIGHTS_BYTES,
        max_queue_bytes: int = 2**30,
        on_error: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._digest = digest
        self._stage, self._stage_from = stage, stage_from
        self._make_room = make_room
        self._ask, self._asked_at = ask, -_BETWEEN_REQUESTS_S
        self._folder = folder
        self._file: WeightsFile | None = None
        self._overtaken = 0
        self._warned = Reported()
        self._max_bytes, self._max_queue_bytes = max_bytes, max_queue_bytes
        self._on_error = on_error
        self._assembler = ChunkAssembler(digest, max_bytes)
        self._carriers: dict[str, Carrier] = {
            chunks.SCHEMA: self._take_chunk,
            weights.SCHEMA: lambda payload: self._take_whole(weights_of(payload, digest)),
            weights.DESCRIPTOR_SCHEMA: self._take_shared,
        }
        self._counts: Counter[str] = Counter()
        self._foreign = Reported()
        self._source, self._version = "", 0
        self._number = 0
        self._queue: deque[Buffer] = deque()
        self._queue_bytes = 0
        self._busy = self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="weights-receiver", daemon=True)
        self._thread.start()

    @property
    def version(self) -> int:
        """The version staged last; 0 before the first. It never falls, whoever is started again."""
        return self._number

    @property
    def source(self) -> str:
        """Where the weights staged last are from; empty before the first."""
        return self._source

    def receive(self, data: Buffer) -> None:
        """Queue a payload, in microseconds; any thread. Leave `data` alone afterwards."""
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

    def request_if_none(self) -> None:
        """Request weights if none have arrived although somebody publishes them."""
        if self._number == 0:
            self._request_chunks(ANYBODY, 1, "none have arrived")

    def flush(self, timeout: float) -> bool:
        """Wait until all payloads received are handled, for `timeout` s at most.

        Returns:
            Whether it is.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._queue and not self._busy, timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Drop the payloads that wait and end the thread.

        Returns:
            Whether the thread ended within `timeout` s.
        """
        with self._changed:
            self._closing = True
            self._queue.clear()
            self._queue_bytes = 0
            self._changed.notify_all()
        self._thread.join(timeout)
        if not self._thread.is_alive():
            self._close_file()
        return not self._thread.is_alive()

    def statistics(self) -> dict[str, int]:
        """Statistics so far.

        Returns:
            `version` (staged last), `bytes` received; how many sets of weights were `received`
            (staged), `refused` (by `stage`), `stale` (whole but not newer), `abandoned`
            (incomplete when newer ones arrived) and `broken`; how many of the received ones were
            `shared` (in shared memory); how many announced there were `overtaken` (a newer version
            is there by now), `half_written` and `unreadable`; `requests` for chunks; how many
            payloads were `malformed`, `foreign` (of another digest), `duplicate`, `stale_chunks`,
            `mixed` and `dropped`.
        """
        own: tuple[str, ...] = ("bytes", "received", "shared", "refused", "stale", "malformed")
        own += ("foreign", "dropped", "overtaken", "half_written", "unreadable", "requests")
        theirs = ("abandoned", "broken", "duplicate", "mixed")
        assembled = self._assembler.statistics
        return {
            "version": self._number,
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
            carrier(payload)
        except DigestMismatch as error:
            self._counts["foreign"] += 1
            if self._foreign.is_new(error.source, error.found):
                self._on_error(f"weights refused: {error}")
        except PayloadError as error:
            self._counts["malformed"] += 1
            self._on_error(f"weights are malformed: {error}")
        except Exception as error:  # memory may run out; the thread has to live
            self._counts["malformed"] += 1
            self._on_error(f"weights could not be decoded: {named(error)}")

    def _take_chunk(self, payload: Payload) -> None:
        was_assembling = self._assembler.assembling
        whole = self._assembler.add_payload(payload)
        if self._assembler.assembling and not was_assembling:
            self._make_room()
        if whole is not None:
            self._take_whole(whole)

    def _take_whole(self, whole: Weights) -> None:
        self._take_new(
            whole.source, whole.version, lambda number: self._stage(number, whole.parameters)
        )

    def _take_shared(self, payload: Payload) -> None:
        where = descriptor_of(payload, self._digest)
        if not self._is_new(where.source, where.version):
            return
        try:
            self._read_shared(where)
        except Overtaken as error:
            self._counts["overtaken"] += 1  # no fault: the newer version has its own descriptor
            self._overtaken += 1
            if self._overtaken % _MOST_OVERTAKEN == 0:
                self._request_chunks(where.source, where.version, str(error))
        except StaleParameters as error:
            self._counts["half_written"] += 1
            self._request_chunks(where.source, where.version, str(error))
        except (OSError, PayloadError) as error:
            self._counts["unreadable"] += 1
            text = f"shared memory {where.file} can't be read: {error}"
            if where.host == boot_id() and self._warned.is_new(where.source):
                self._on_error(f"{text}; weights are requested over the topic")
            self._request_chunks(where.source, where.version, text)

    def _read_shared(self, where: Descriptor) -> None:
        if self._file is None or self._file.name != where.file:
            self._close_file()
            self._file = WeightsFile(where.file, self._folder)
        shared = SharedWeights(self._file, where)
        stage_from = self._stage_from
        if is_nested(shared.metadata) or stage_from is None:
            whole = weights_of(shared.payload(), self._digest)
            stage = lambda number: self._stage(number, whole.parameters)  # noqa: E731
        else:
            stage = lambda number: stage_from(number, shared)  # noqa: E731
        if self._take_new(where.source, where.version, stage):
            self._counts["shared"] += 1
            self._overtaken = 0

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _request_chunks(self, source: str, version: int, reason: str) -> None:
        now = time.monotonic()
        if now - self._asked_at < _BETWEEN_REQUESTS_S:
            return
        self._asked_at = now
        self._counts["requests"] += 1
        self._ask(encode_request(Request(self._digest, source, version, reason[:200])))

    def _is_new(self, source: str, version: int) -> bool:
        if source == self._source and is_late(version, self._version):
            self._counts["stale"] += 1
            return False
        return True

    def _take_new(self, source: str, version: int, stage: Callable[[int], None]) -> bool:
        if not self._is_new(source, version):
            return False
        # A learner that was started again may not know the versions of the one before it yet. It
        # learns them from the version in use here, and continues above it.
        # A number that no learner can have reached is not followed.
        known = not self._number or version <= self._number + MOST_AHEAD
        number = max(version if known else 0, self._number + 1)
        try:
            stage(number)
        except StaleParameters:
            raise
        except Exception as error:  # `stage` is the caller's; the thread has to live
            self._counts["refused"] += 1
            self._on_error(f"weights version {version} refused: {named(error)}")
            return False
        self._source, self._version, self._number = source, version, number
        self._counts["received"] += 1
        return True
