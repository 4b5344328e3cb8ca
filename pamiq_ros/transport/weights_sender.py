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

"""Sends a model's weights: the newest wins, through shared memory or in chunks, paced."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from pamiq_ros.core.model import NotFiniteError
from pamiq_ros.core.model.parameters import non_finite

from .chunks import CHUNK_BYTES, MAX_CHUNK_BYTES, split_weights
from .payload import Buffer, PayloadError, decode, named
from .shared_weights import WeightsMemory, boot_id
from .versions import VersionCounter
from .weights import (
    ANYBODY,
    Descriptor,
    encode_descriptor,
    request_of,
    tensors_of,
    weights_layout,
    weights_metadata,
)

_MAX_REQUEST_BYTES = 8192


@dataclass(frozen=True)
class _Written:
    """Weights in memory, without a version yet: where, their nesting, and when they were sent."""

    memory: WeightsMemory
    place: int
    form: Mapping[str, str]
    stamp: int


class WeightsSender:
    """Publishes each set of weights as a version of its own, from its own thread.

    The trainer's thread copies the weights into memory, the sender's thread publishes them. With a
    folder for shared memory it publishes where they are; receivers that cannot read them there
    request chunks (`request`). Otherwise it publishes chunks only. Weights that are still pending
    when newer ones are written are left out. Weights with a NaN or an infinity are refused.

    Args:
        model: Name of the model, for reports.
        digest: Digest of this node's configuration.
        source: Name of this process, new at each start.
        publish: Called with each payload, in the sender's thread.
        versions: Numbers the versions of all models that share it; None: of this one alone.
        folder: Folder for shared memory; None: weights are sent in chunks.
        slots: How many versions the memory has room for: one is published, one is written.
        chunk_bytes: Bytes of weights in each chunk.
        pace_s: Least time in s from one chunk to the next.
        on_error: Called with a text for each fault, in any thread.

    Raises:
        ValueError: A number is out of range, or a name is empty.
    """

    def __init__(
        self,
        model: str,
        digest: str,
        source: str,
        publish: Callable[[bytes], None],
        *,
        versions: VersionCounter | None = None,
        folder: Path | None = None,
        slots: int = 2,
        chunk_bytes: int = CHUNK_BYTES,
        pace_s: float = 0.002,
        on_error: Callable[[str], None] = lambda text: None,
    ) -> None:
        if not 0 < chunk_bytes <= MAX_CHUNK_BYTES:
            raise ValueError(f"chunk_bytes: expected 1 to {MAX_CHUNK_BYTES}, found {chunk_bytes}")
        if not 0 <= pace_s < 60:
            raise ValueError(f"pace_s: expected 0 to 60 s, found {pace_s}")
        if slots < 2:
            raise ValueError(f"slots: expected 2 or more, found {slots}")
        if not (model and digest and source):
            raise ValueError(f"expected names, found {model!r}, {digest!r} and {source!r}")
        self._model, self._digest, self._source = model, digest, source
        self._publish = publish
        self._folder, self._places = folder, slots
        self._chunk_bytes, self._pace = chunk_bytes, pace_s
        self._report = on_error
        self._counts: Counter[str] = Counter()
        self._versions = versions or VersionCounter()
        self._memory: WeightsMemory | None = None
        self._form: Mapping[str, str] = {}
        self._pending: _Written | None = None
        self._published: _Written | None = None
        self._number = 0
        self._requested = self._busy = self._closing = False
        self._writing, self._changed = threading.Lock(), threading.Condition()
        self._hurry = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"weights-sender-{model}", daemon=True
        )
        self._thread.start()

    @property
    def version(self) -> int:
        """The newest version published; 0 before the first."""
        return self._counts["version"]

    def send(self, parameters: Mapping[str, Any]) -> None:
        """Send weights; they are copied before this returns.

        Args:
            parameters: Tensors by name, or any nesting a step may have.

        Raises:
            NotFiniteError: They have a NaN or an infinity; names where. Nothing is sent.
            RuntimeError: The sender is closed.
        """
        try:
            with self._writing:
                if self._closing:
                    raise RuntimeError(f"model {self._model!r}: sent after the sender was closed")
                bad = self._write(*tensors_of(parameters))
        except (TypeError, ValueError, OSError) as error:
            self._counts["unwritable"] += 1
            self._on_error(f"weights not sent: {named(error)}")
            return
        if bad is not None:
            self._counts["refused"] += 1
            raise NotFiniteError(
                f"model {self._model!r}: weights not sent: expected finite numbers, found NaN or "
                f"infinity in {non_finite(parameters) or bad!r}"
            )

    def request(self, data: Buffer) -> None:
        """Take a receiver's request for chunks; any thread. Nothing in it makes this raise."""
        try:
            wanted = request_of(decode(data, _MAX_REQUEST_BYTES), self._digest)
        except PayloadError as error:
            self._counts["malformed_requests"] += 1
            self._on_error(f"request for weights is malformed: {error}")
            return
        with self._changed:
            if wanted.source not in (self._source, ANYBODY):
                self._counts["foreign_requests"] += 1
            elif self._published is not None:  # else the first ones will be announced anyway
                self._counts["requests"] += 1
                self._requested = True
                self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until everything sent is published or reported, for `timeout` s at most.

        Returns:
            Whether it is.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: not (self._pending or self._requested or self._busy), timeout
            )

    def close(self, timeout: float = 1.0) -> bool:
        """Publish what is pending without pauses, end the thread, and free the memory.

        Returns:
            Whether the thread ended within `timeout` s.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._hurry.set()
        self._thread.join(timeout)
        with self._writing:
            self._free()
        return not self._thread.is_alive()

    def statistics(self) -> dict[str, int]:
        """Statistics so far.

        Returns:
            `version` (the newest published), `bytes` and `chunks` published on the topic; how many
            sets of weights were `published`, of these `shared` (in shared memory), `superseded`
            (left out for newer ones), `refused` (not finite), `unwritable`, and `unpublished`
            (publishing failed); `requests` for chunks, `foreign_requests` (for those of another
            learner), and `malformed_requests`.
        """
        names = ("version", "published", "shared", "bytes", "chunks", "requests", "superseded")
        faults = ("refused", "unwritable", "unpublished", "malformed_requests", "foreign_requests")
        return {name: self._counts[name] for name in names + faults}

    def _on_error(self, text: str) -> None:
        self._report(f"model {self._model!r}: {text}")

    def _write(self, tensors: Mapping[str, Tensor], form: Mapping[str, str]) -> str | None:
        """Make weights pending; return the name of a tensor that is not finite, or None."""
        stamp = time.time_ns()
        memory = self._memory_for(tensors, form)
        place = self._free_place(memory)
        if (bad := memory.write(place, tensors)) is not None:
            return bad
        with self._changed:
            self._counts["superseded"] += self._pending is not None
            self._pending = _Written(memory, place, form, stamp)
            self._changed.notify_all()
        return None

    def _memory_for(self, tensors: Mapping[str, Tensor], form: Mapping[str, str]) -> WeightsMemory:
        """Return the memory, newly allocated if the tensors have other specs than before."""
        memory = self._memory
        if memory is not None and memory.layout.fits(tensors) and self._form == form:
            return memory
        layout = weights_layout(tensors, form, self._digest, self._source)
        self._free()
        if self._folder is not None:
            try:
                self._memory = WeightsMemory(layout, self._places, self._folder)
            except OSError as error:
                size = f"{self._places} x {layout.size} bytes"
                self._stop_sharing(
                    f"expected {size} of shared memory in {self._folder}, found none ({error})"
                )
        if self._memory is None:
            self._memory = WeightsMemory(layout, self._places, None)
        self._form = form
        return self._memory

    def _free_place(self, memory: WeightsMemory) -> int:
        """Return a place that is neither published nor pending; else the pending one's."""
        with self._changed:
            places = [w.place for w in (self._pending, self._published) if w and w.memory is memory]
            free = set(range(self._places)) - set(places)
            if free:
                return min(free)
            self._pending = None
            self._counts["superseded"] += 1
            return places[0]

    def _free(self) -> None:
        with self._changed:
            self._pending = self._published = None
            self._requested = False
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _stop_sharing(self, reason: str) -> None:
        if self._folder is not None:
            self._folder = None
            self._on_error(f"{reason}; weights travel over the topic in chunks")

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._pending or self._requested or self._closing)
                if not self._pending and self._closing:
                    return
                announced, self._pending = self._pending, None
                self._published = written = announced or self._published
                self._busy = True
            try:
                if announced is not None:
                    self._announce(announced)
                elif written is not None:
                    self._publish_chunks(written)
            except Exception as error:  # whatever the middleware raises; the thread has to live
                self._counts["unpublished"] += 1
                self._on_error(f"publishing failed: {named(error)}")

    def _announce(self, written: _Written) -> None:
        # Taken before the first payload: a number that was published in part is never used again.
        self._number = version = self._versions.take()
        memory, names = written.memory, (self._digest, self._source, version)
        memory.commit(written.place, weights_metadata(*names, written.stamp, written.form))
        if memory.file and not memory.is_there:
            self._stop_sharing(f"expected the file {memory.file}, found it removed")
        if memory.is_there:
            where = (memory.file, memory.offset(written.place), memory.layout.size)
            data = encode_descriptor(Descriptor(*names, boot_id(), *where))
            self._publish(data)
            self._counts.update(shared=1, bytes=len(data))
        else:
            self._publish_chunks(written)
        self._counts["version"] = version
        self._counts["published"] += 1

    def _publish_chunks(self, written: _Written) -> None:
        self._requested = False  # these chunks answer all requests until now
        chunks = split_weights(
            written.memory.payload(written.place),
            digest=self._digest,
            source=self._source,
            version=self._number,
            chunk_bytes=self._chunk_bytes,
        )
        due = time.monotonic()
        for chunk in chunks:
            self._publish(chunk)
            self._counts.update(chunks=1, bytes=len(chunk))
            due = max(due + self._pace, time.monotonic())
            self._hurry.wait(due - time.monotonic())
