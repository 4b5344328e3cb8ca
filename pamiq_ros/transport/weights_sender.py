"""Sends a model's weights: the newest wins, by shared memory or in chunks, paced."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pamiq_ros.core.model import NotFiniteError

from .chunks import CHUNK_BYTES, MAX_CHUNK_BYTES, split_weights
from .host import boot_id
from .payload import Buffer, PayloadError, decode, named
from .slots import ANYBODY, SlotDescriptor, encode_descriptor, request_of
from .versions import VersionCounter
from .weights import weights_metadata
from .weights_mail import Letter, WeightsMail

_MAX_REQUEST_BYTES = 8192


class WeightsSender:
    """Publishes each set of weights as a version of its own, from its own thread.

    With a folder for shared memory, weights lie in a slot there and what is published is where;
    receivers that can't read it ask for chunks (`request`). Otherwise they travel in chunks alone.
    A set that is handed over while another is being published waits; if yet another comes, the
    waiting one is left out. Weights with a NaN or an infinity are refused.

    Args:
        model: Name of the model, for what is reported.
        digest: Digest of this node's configuration.
        source: Name of this process, new at each start.
        publish: Called with each payload, in the sender's thread.
        versions: Numbers the versions, over all models that share it; None: this one's own.
        folder: Folder for shared memory; None: weights travel in chunks.
        slots: How many versions the shared memory holds.
        chunk_bytes: Bytes of weights in each chunk.
        pace_s: Least time in s from one chunk to the next.
        on_error: Called with a text for each thing that goes wrong, in any thread.

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
        self._chunk_bytes, self._pace = chunk_bytes, pace_s
        self._tell = on_error
        self._counts: Counter[str] = Counter()
        self._versions = versions or VersionCounter()
        self._mail = WeightsMail(digest, source, folder, slots, self._on_error)
        self._newest: tuple[Letter, int] | None = None
        self._requested = self._busy = self._closing = False
        self._changed = threading.Condition()
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
        """Hand over weights; they are copied before this returns.

        Args:
            parameters: Tensors by name, or any nesting a step may have.

        Raises:
            NotFiniteError: They have a NaN or an infinity; names where. Nothing is sent.
            RuntimeError: The sender is closed.
        """
        if self._closing:
            raise RuntimeError(f"model {self._model!r}: sent after the sender was closed")
        try:
            bad = self._mail.write(parameters, time.time_ns())
        except (TypeError, ValueError, OSError) as error:
            self._counts["unwritable"] += 1
            self._on_error(f"weights not sent: {named(error)}")
            return
        if bad is not None:
            self._counts["refused"] += 1
            raise NotFiniteError(
                f"model {self._model!r}: weights not sent: expected finite numbers, found NaN or "
                f"infinity in {bad!r}"
            )
        with self._changed:
            self._changed.notify_all()

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
                return
            if self._newest is None:
                return  # they will be announced as soon as there are any
            self._counts["requests"] += 1
            self._requested = True
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was handed over is published or reported, for `timeout` s at most.

        Returns:
            Whether it is.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not (self._is_due() or self._busy), timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Publish what is left without pauses, end the thread, and give the memory back.

        Returns:
            Whether the thread ended within `timeout` s.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._hurry.set()
        self._thread.join(timeout)
        self._mail.close()
        return not self._thread.is_alive()

    def figures(self) -> dict[str, int]:
        """Counts so far.

        Returns:
            `version` (the newest published), `bytes` and `chunks` published on the topic; how many
            sets of weights were `published`, of these `shared` (in shared memory), `superseded`
            (left out for newer ones), `refused` (not finite), `unwritable`, and `unpublished`
            (publishing failed); `requests` for chunks, `foreign_requests` (for those of another
            learner), and `malformed_requests`.
        """
        names = ("version", "published", "shared", "bytes", "chunks", "requests")
        faults = ("refused", "unwritable", "unpublished", "malformed_requests", "foreign_requests")
        counts = {name: self._counts[name] for name in names + faults}
        return {**counts, "superseded": self._mail.superseded}

    def _on_error(self, text: str) -> None:
        self._tell(f"model {self._model!r}: {text}")

    def _is_due(self) -> bool:
        return self._mail.waiting or (self._requested and self._newest is not None)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._is_due() or self._closing)
                if not self._mail.waiting and self._closing:
                    return
                self._busy = True
            try:
                letter = self._mail.take()
                if letter is not None:
                    self._announce(letter)
                elif self._newest is not None:
                    self._requested = False
                    self._publish_chunks(*self._newest)
            except Exception as error:  # whatever the middleware raises; the thread has to live
                self._counts["unpublished"] += 1
                self._on_error(f"publishing failed: {named(error)}")

    def _announce(self, letter: Letter) -> None:
        # Taken before the first payload: a number that went out in part is never used again.
        version = self._versions.take()
        metadata = weights_metadata(self._digest, self._source, version, letter.stamp, letter.form)
        header = letter.layout.header(metadata)
        letter.store.payload(letter.slot, len(header))[:] = header
        letter.store.commit(letter.slot, version)
        self._newest = (letter, version)
        if letter.store.file and not letter.store.is_there:
            self._mail.stop_sharing(f"expected the file {letter.store.file}, found it removed")
        if letter.store.file and letter.store.is_there:
            self._publish_slot(letter, version)
        else:
            self._publish_chunks(letter, version)
        self._counts["version"] = version
        self._counts["published"] += 1

    def _publish_slot(self, letter: Letter, version: int) -> None:
        store = letter.store
        offset = store.offset(letter.slot)
        slot = SlotDescriptor(
            self._digest, self._source, version, boot_id(), store.file, offset, letter.layout.size
        )
        data = encode_descriptor(slot)
        self._publish(data)
        self._counts.update(shared=1, bytes=len(data))

    def _publish_chunks(self, letter: Letter, version: int) -> None:
        self._requested = False  # asked for until now: what is sent from here on answers it
        chunks = split_weights(
            letter.store.payload(letter.slot, letter.layout.size),
            digest=self._digest,
            source=self._source,
            version=version,
            chunk_bytes=self._chunk_bytes,
        )
        due = time.monotonic()
        for chunk in chunks:
            self._publish(chunk)
            self._counts.update(chunks=1, bytes=len(chunk))
            due = max(due + self._pace, time.monotonic())
            self._hurry.wait(due - time.monotonic())
