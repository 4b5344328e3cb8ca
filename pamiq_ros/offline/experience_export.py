"""ExperienceExport: the steps for a buffer in a bag, as files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from pamiq_ros.core.data import StepBatch
from pamiq_ros.transport.experience import ExperienceBatch, decode_experience, encode_experience
from pamiq_ros.transport.sequence_window import SequenceWindow

SHARD_BYTES = 64 * 2**20
"""A file of experience is ended when it has so many bytes of steps."""


class ExperienceExport:
    """The steps for one buffer, each once, in files of up to `SHARD_BYTES`.

    Args:
        folder: Where the files go.
        buffer: The buffer's name.
    """

    def __init__(self, folder: Path, buffer: str) -> None:
        self.steps = 0
        self._folder, self._buffer = folder, buffer
        self._windows: dict[str, SequenceWindow] = {}
        self._parts: list[ExperienceBatch] = []
        self._bytes = 0
        self._shards: list[dict[str, Any]] = []
        self._columns: dict[str, str] = {}
        folder.mkdir(parents=True)

    def take(self, data: bytes) -> None:
        """Take a message's payload.

        Raises:
            PayloadError: It is damaged.
        """
        batch = decode_experience(bytearray(data))
        window = self._windows.setdefault(batch.source, SequenceWindow())
        for begin, end in window.add(batch.first_sequence, len(batch.steps)):
            part = batch.part(begin - batch.first_sequence, end - batch.first_sequence)
            if self._parts and not _joins(self._parts[-1], part):
                self.flush()
            self._parts.append(part)
            self._bytes += part.steps.nbytes
            if self._bytes >= SHARD_BYTES:
                self.flush()

    def flush(self) -> None:
        """Write what was taken since the last file."""
        if not self._parts:
            return
        first, parts = self._parts[0], self._parts
        columns = zip(*(part.steps.columns for part in parts), strict=True)
        whole = ExperienceBatch(
            first.digest,
            first.source,
            first.buffer,
            first.first_sequence,
            torch.cat([part.stamps for part in parts]),
            torch.cat([part.weights_versions for part in parts]),
            StepBatch.from_columns(first.steps.signature, [torch.cat(c) for c in columns]),
        )
        name = f"{len(self._shards):05}.safetensors"
        (self._folder / name).write_bytes(encode_experience(whole))
        self._columns = {f"column.{i}": name for i, name in enumerate(whole.steps.names)}
        self._shards.append(
            {
                "file": name,
                "steps": len(whole.steps),
                "source": whole.source,
                "digest": whole.digest,
                "first_stamp_ns": int(whole.stamps[0]),
                "last_stamp_ns": int(whole.stamps[-1]),
            }
        )
        self.steps += len(whole.steps)
        self._parts, self._bytes = [], 0

    def end(self) -> None:
        """Write the last file, and `dataset.json`, which says what they hold."""
        self.flush()
        content = {
            "format": "pamiq_ros/dataset/1",
            "buffer": self._buffer,
            "steps": self.steps,
            "columns": self._columns,
            "shards": self._shards,
        }
        (self._folder / "dataset.json").write_text(json.dumps(content, indent=2), encoding="utf-8")

    def batches(self, signature: str = "") -> Iterator[ExperienceBatch]:
        """Read the files again, in order.

        Args:
            signature: The form that steps must have; those of another are left out.
        """
        for shard in self._shards:
            data = bytearray((self._folder / shard["file"]).read_bytes())
            batch = decode_experience(data)
            if signature in ("", batch.steps.signature):
                yield batch


def _joins(one: ExperienceBatch, other: ExperienceBatch) -> bool:
    same = (one.digest, one.source, one.steps.signature)
    if same != (other.digest, other.source, other.steps.signature):
        return False
    return other.first_sequence == one.first_sequence + len(one.steps)
