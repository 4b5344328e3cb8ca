"""Sends a model's weights: the newest wins, in chunks, paced."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from ..wire.chunks import CHUNK_BYTES, MAX_CHUNK_BYTES, split_weights
from ..wire.weights import Weights, encode_weights
from .parameters import copy_parameters, non_finite
from .reports import named
from .versions import VersionCounter


class WeightsSender:
    """Publishes each set of weights as a version of its own, from its own thread.

    A set that is handed over while another is being published waits; if yet another comes, the
    waiting one is left out. Weights with a NaN or an infinity are reported and not sent.

    Args:
        model: Name of the model, for what is reported.
        digest: Digest of this node's configuration.
        source: Name of this process, new at each start.
        publish: Called with each chunk, in the sender's thread.
        versions: Numbers the versions, over all models that share it; None: this one's own.
        chunk_bytes: Bytes of weights in each chunk.
        pace_s: Pause in s between two chunks.
        on_error: Called with a text for each thing that goes wrong, in the sender's thread.

    Raises:
        ValueError: `chunk_bytes` or `pace_s` is out of range, or a name is empty.
    """

    def __init__(
        self,
        model: str,
        digest: str,
        source: str,
        publish: Callable[[bytes], None],
        *,
        versions: VersionCounter | None = None,
        chunk_bytes: int = CHUNK_BYTES,
        pace_s: float = 0.002,
        on_error: Callable[[str], None] = lambda text: None,
    ) -> None:
        if not 0 < chunk_bytes <= MAX_CHUNK_BYTES:
            raise ValueError(f"chunk_bytes: expected 1 to {MAX_CHUNK_BYTES}, found {chunk_bytes}")
        if not 0 <= pace_s < 60:
            raise ValueError(f"pace_s: expected 0 to 60 s, found {pace_s}")
        if not (model and digest and source):
            raise ValueError(f"expected names, found {model!r}, {digest!r} and {source!r}")
        self._model, self._digest, self._source = model, digest, source
        self._publish = publish
        self._chunk_bytes, self._pace = chunk_bytes, pace_s
        self._on_error = on_error
        self._counts: Counter[str] = Counter()
        self._versions = versions or VersionCounter()
        self._mail: tuple[dict[str, Any], int] | None = None
        self._busy = self._closing = False
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
            RuntimeError: The sender is closed.
        """
        mail = copy_parameters(parameters), time.time_ns()
        with self._changed:
            if self._closing:
                raise RuntimeError(f"model {self._model!r}: sent after the sender was closed")
            self._counts["superseded"] += self._mail is not None
            self._mail = mail
            self._changed.notify_all()

    def flush(self, timeout: float) -> bool:
        """Wait until all that was handed over is published or reported, for `timeout` s at most.

        Returns:
            Whether it is.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._mail is None and not self._busy, timeout)

    def close(self, timeout: float = 1.0) -> bool:
        """Publish what is left without pauses and end the thread.

        Returns:
            Whether the thread ended within `timeout` s.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._hurry.set()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def figures(self) -> dict[str, int]:
        """Counts so far.

        Returns:
            `version` (the newest published), `bytes` and `chunks` published; and how many sets of
            weights were `published`, `superseded` (left out for newer ones), `refused` (not
            finite), `unwritable`, and `unpublished` (publishing failed).
        """
        names = ("version", "published", "bytes", "chunks")
        faults = ("superseded", "refused", "unwritable", "unpublished")
        return {name: self._counts[name] for name in names + faults}

    def _run(self) -> None:
        while True:
            with self._changed:
                self._busy = False
                self._changed.notify_all()
                self._changed.wait_for(lambda: self._mail is not None or self._closing)
                if self._mail is None:
                    return
                (parameters, stamp), self._mail, self._busy = self._mail, None, True
            try:
                self._send(parameters, stamp)
            except Exception as error:  # whatever the middleware raises; the thread has to live
                self._counts["unpublished"] += 1
                self._on_error(f"model {self._model!r}: publishing failed: {named(error)}")

    def _send(self, parameters: dict[str, Any], stamp: int) -> None:
        bad = non_finite(parameters)
        if bad is not None:
            self._counts["refused"] += 1
            self._on_error(
                f"model {self._model!r}: weights not sent: expected finite numbers, "
                f"found NaN or infinity in {bad!r}"
            )
            return
        # Taken before the first chunk: a number that went out in part is never used again.
        version = self._versions.take()
        weights = Weights(self._digest, self._source, version, stamp, parameters)
        try:
            encoded = encode_weights(weights)
            chunks = split_weights(
                encoded,
                digest=self._digest,
                source=self._source,
                version=version,
                chunk_bytes=self._chunk_bytes,
            )
        except (TypeError, ValueError) as error:
            self._counts["unwritable"] += 1
            self._on_error(f"model {self._model!r}: weights not sent: {named(error)}")
            return
        for chunk in chunks:
            self._publish(chunk)
            self._counts.update(chunks=1, bytes=len(chunk))
            self._hurry.wait(self._pace)
        self._counts["version"] = version
        self._counts["published"] += 1
