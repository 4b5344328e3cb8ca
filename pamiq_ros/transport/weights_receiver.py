"""Receives a model's weights in a thread of its own and stages them for the tick."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pamiq_ros.core.model import ParameterReader, StaleParameters

from . import chunks, slots, weights
from .chunks import ChunkAssembler
from .payload import Buffer, DigestMismatch, Payload, PayloadError, Reported, decode, named
from .slot_source import SlotSource, SlotUnreadable
from .slot_store import FOLDER
from .slots import ANYBODY, SlotDescriptor, WeightsRequest, descriptor_of, encode_request
from .versions import MOST_AHEAD
from .weights import MAX_WEIGHTS_BYTES, Weights, is_late, weights_of

Carrier = Callable[[Payload], None]
"""One way weights travel: takes a payload of its schema, stages weights when they are whole."""

_BETWEEN_REQUESTS_S = 1.0


class WeightsReceiver:
    """Puts weights together, decodes them and stages them, away from the executor and the tick.

    How weights travel is told by the schema of each payload: whole, in chunks, or in a slot of
    shared memory that the payload describes. Of a slot that can't be read, chunks are asked for.

    Args:
        digest: Digest of this node's configuration; weights of another are refused.
        stage: Called with the version and the parameters of whole new weights, in the receiver's
            thread. What it raises refuses them; the tensors are free to be kept.
        stage_from: Called instead with what reads the tensors from a slot; None: they are read
            into new memory and given to `stage`.
        make_room: Called when a version begins to come in chunks, which takes memory for all of it.
        ask: Called with a request for chunks, to be published to the sender.
        folder: Folder for shared memory.
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
        self._slots = SlotSource(folder)
        self._warned = Reported()
        self._max_bytes, self._max_queue_bytes = max_bytes, max_queue_bytes
        self._on_error = on_error
        self._assembler = ChunkAssembler(digest, max_bytes)
        self._carriers: dict[str, Carrier] = {
            chunks.SCHEMA: self._take_chunk,
            weights.SCHEMA: lambda payload: self._take_whole(weights_of(payload, digest)),
            slots.DESCRIPTOR_SCHEMA: self._take_slot,
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

    def ask_if_none(self) -> None:
        """Ask for weights if none have come, though there is somebody who publishes them."""
        if self._number == 0:
            self._ask_for_chunks(ANYBODY, 1, "none have come")

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
        if not self._thread.is_alive():
            self._slots.close()
        return not self._thread.is_alive()

    def figures(self) -> dict[str, int]:
        """Counts so far.

        Returns:
            `version` (staged last), `bytes` received; how many sets of weights were `received`
            (staged), `refused` (by `stage`), `stale` (whole but not newer), `abandoned`
            (incomplete when newer ones came) and `broken`; of the received `shared` ones came by
            shared memory; how many slots were `overtaken` (hold a newer version by now),
            `half_written` and `unreadable`; how often chunks were asked for (`requests`); how many
            payloads were `malformed`, `foreign` (of another digest), `duplicate`, `stale_chunks`,
            `mixed` and `dropped`.
        """
        own: tuple[str, ...] = ("bytes", "received", "shared", "refused", "stale", "malformed")
        own += ("foreign", "dropped", "overtaken", "half_written", "unreadable", "requests")
        theirs = ("abandoned", "broken", "duplicate", "mixed")
        assembled = self._assembler.figures
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

    def _take_slot(self, payload: Payload) -> None:
        slot = descriptor_of(payload, self._digest)
        if self._is_new(slot.source, slot.version):
            try:
                self._read_slot(slot)
            except StaleParameters as error:
                # A newer version is announced by its own descriptor: nothing is amiss.
                overtaken = self._slots.newer_in(slot)
                self._counts["overtaken" if overtaken else "half_written"] += 1
                if not overtaken:
                    self._ask_for_chunks(slot.source, slot.version, str(error))
            except SlotUnreadable as error:
                self._counts["unreadable"] += 1
                if error.is_fault and self._warned.is_new(slot.source):
                    self._on_error(f"{error}; weights are asked for over the topic")
                self._ask_for_chunks(slot.source, slot.version, str(error))

    def _read_slot(self, slot: SlotDescriptor) -> None:
        reader = self._slots.open(slot)
        stage_from = self._stage_from
        if reader.is_nested or stage_from is None:
            whole = weights_of(reader.payload(), self._digest)
            stage = lambda number: self._stage(number, whole.parameters)  # noqa: E731
        else:
            stage = lambda number: stage_from(number, reader)  # noqa: E731
        if self._take_new(slot.source, slot.version, stage):
            self._counts["shared"] += 1

    def _ask_for_chunks(self, source: str, version: int, reason: str) -> None:
        now = time.monotonic()
        if now - self._asked_at < _BETWEEN_REQUESTS_S:
            return
        self._asked_at = now
        self._counts["requests"] += 1
        request = WeightsRequest(self._digest, source, version, reason[:200])
        self._ask(encode_request(request))

    def _is_new(self, source: str, version: int) -> bool:
        if source == self._source and is_late(version, self._version):
            self._counts["stale"] += 1
            return False
        return True

    def _take_new(self, source: str, version: int, stage: Callable[[int], None]) -> bool:
        if not self._is_new(source, version):
            return False
        # A sender that was started again may not have heard yet how far the one before it came.
        # It will, from what is in use here, and go on above that.
        # A number that no learner can have come to is not followed.
        known = not self._number or version <= self._number + MOST_AHEAD
        number = max(version if known else 0, self._number + 1)
        try:
            stage(number)
        except StaleParameters:
            raise
        except Exception as error:  # the stage is the caller's; the thread has to live
            self._counts["refused"] += 1
            self._on_error(f"weights version {version} refused: {named(error)}")
            return False
        self._source, self._version, self._number = source, version, number
        self._counts["received"] += 1
        return True
