"""Exporting: the weights and the experience in a bag as files of their own."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from rclpy.serialization import deserialize_message
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.bags import Bag
from pamiq_ros.core.data import StepBatch
from pamiq_ros.transport.sequence_window import SequenceWindow
from pamiq_ros.wire.chunks import SCHEMA as CHUNK_SCHEMA
from pamiq_ros.wire.chunks import ChunkAssembler
from pamiq_ros.wire.experience import ExperienceBatch, decode_experience, encode_experience
from pamiq_ros.wire.header import PayloadError
from pamiq_ros.wire.payload import decode
from pamiq_ros.wire.weights import MAX_WEIGHTS_BYTES, Weights, encode_weights, weights_of
from pamiq_ros.wire.weights import SCHEMA as WEIGHTS_SCHEMA

WEIGHTS, EXPERIENCE = "/pamiq/weights/", "/pamiq/experience/"
SHARD_BYTES = 64 * 2**20
"""A file of experience is ended when it has so many bytes of steps."""


class WeightsExport:
    """The newest whole weights of one model."""

    def __init__(self) -> None:
        self.newest: Weights | None = None
        self.announced = 0
        self._assemblers: dict[str, ChunkAssembler] = {}

    def take(self, data: bytes) -> None:
        """Take a message's payload.

        Raises:
            PayloadError: It is damaged.
        """
        payload = decode(data, MAX_WEIGHTS_BYTES)
        schema, digest = payload.metadata.get("schema"), payload.metadata.get("digest", "")
        if schema == CHUNK_SCHEMA:
            assembler = self._assemblers.setdefault(digest, ChunkAssembler(digest))
            self.newest = assembler.add_payload(payload) or self.newest
        elif schema == WEIGHTS_SCHEMA:
            self.newest = weights_of(payload, digest)
        else:
            self.announced += 1

    def write(self, path: Path) -> None:
        """Write them as a safetensors file."""
        assert self.newest is not None
        path.write_bytes(encode_weights(self.newest))


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
            first, last = begin - batch.first_sequence, end - batch.first_sequence
            part = ExperienceBatch(
                batch.digest,
                batch.source,
                batch.buffer,
                begin,
                batch.stamps[first:last].contiguous(),
                batch.weights_versions[first:last].contiguous(),
                batch.steps[first:last],
            )
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
        self._columns = _names(whole.steps)
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


def export(bag: Bag, folder: Path, say: Callable[[str], object]) -> int:
    """Write the weights and the experience of a bag.

    Args:
        bag: The bag.
        folder: Where to; made if it is not there.
        say: Told what was written, and what could not be.

    Returns:
        How many models and buffers were written.

    Raises:
        BagError: The bag is damaged.
        OSError: A file can't be written.
    """
    topics = [name for name in bag.topics if WEIGHTS in name or EXPERIENCE in name]
    weights: dict[str, WeightsExport] = {}
    experience: dict[str, ExperienceExport] = {}
    damaged: Counter[str] = Counter()
    for message in bag.messages(topics):
        name = message.topic.rpartition("/")[2]
        data = bytes(deserialize_message(message.data, UInt8MultiArray).data)
        try:
            if WEIGHTS in message.topic:
                weights.setdefault(name, WeightsExport()).take(data)
            else:
                if name not in experience:
                    experience[name] = ExperienceExport(folder / "experience" / name, name)
                experience[name].take(data)
        except PayloadError as error:
            damaged[f"{message.topic}: {error}"] += 1
    for text, count in damaged.items():
        say(f"left out {count} messages on {text}")
    written = 0
    for name, found in weights.items():
        written += _write_weights(folder / "weights" / f"{name}.safetensors", found, say)
    for name, steps in experience.items():
        steps.end()
        say(f"{steps.steps} steps of '{name}' in {folder / 'experience' / name}")
    return written + len(experience)


def _write_weights(path: Path, found: WeightsExport, say: Callable[[str], object]) -> int:
    if found.newest is None:
        say(
            f"no weights of '{path.stem}': the bag has {found.announced} times where they lay in "
            "shared memory; record with --weights"
        )
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    found.write(path)
    say(f"version {found.newest.version} of the weights of '{path.stem}' in {path}")
    return 1


def _joins(one: ExperienceBatch, other: ExperienceBatch) -> bool:
    same = (one.digest, one.source, one.steps.signature)
    if same != (other.digest, other.source, other.steps.signature):
        return False
    return other.first_sequence == one.first_sequence + len(one.steps)


def _names(steps: StepBatch) -> dict[str, str]:
    """What each column is, by where it is in the nesting of a step; empty for a step alone."""
    found: list[str] = []

    def walk(value: Any, place: str) -> None:
        if isinstance(value, dict):
            for key, part in value.items():
                walk(part, f"{place}.{key}" if place else str(key))
        elif isinstance(value, (list, tuple)):
            for index, part in enumerate(value):
                walk(part, f"{place}[{index}]")
        else:
            found.append(place)

    walk(steps.stacked(), "")
    return {f"column.{index}": name for index, name in enumerate(found)}
