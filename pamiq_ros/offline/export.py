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

"""`pamiq-ros export`: write the weights and the experience in a bag as files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from rclpy.serialization import deserialize_message
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.core.data import StepBatch
from pamiq_ros.offline.bags import Bag
from pamiq_ros.transport.chunks import SCHEMA as CHUNK_SCHEMA
from pamiq_ros.transport.chunks import ChunkAssembler
from pamiq_ros.transport.experience import ExperienceBatch, decode_experience, encode_experience
from pamiq_ros.transport.experience_receiver import SequenceWindow
from pamiq_ros.transport.payload import PayloadError, decode
from pamiq_ros.transport.weights import MAX_WEIGHTS_BYTES, Weights, encode_weights, weights_of
from pamiq_ros.transport.weights import SCHEMA as WEIGHTS_SCHEMA

SHARD_BYTES = 64 * 2**20
"""Bytes of steps from which a new file of experience starts."""

WEIGHTS, EXPERIENCE = "/pamiq/weights/", "/pamiq/experience/"


def export(bag: Bag, folder: Path, say: Callable[[str], object], lerobot: bool = False) -> int:
    """Write the weights and the experience in a bag.

    Args:
        bag: The bag.
        folder: The folder to write to; created if necessary.
        say: Called with a line for each file written and each message left out.
        lerobot: Whether to write the experience as LeRobotDatasets too.

    Returns:
        The number of models and buffers written.

    Raises:
        BagError: The bag is damaged.
        ValueError: LeRobot cannot store the steps.
        OSError: A file cannot be written.
    """
    weights: dict[str, WeightsExport] = {}
    experience: dict[str, ExperienceExport] = {}
    for text, count in _read(bag, folder / "experience", weights, experience).items():
        say(f"left out {count} messages on {text}")
    written = sum(
        _write_weights(folder / "weights" / f"{name}.safetensors", found, say)
        for name, found in weights.items()
    )
    for name, steps in experience.items():
        steps.close()
        say(f"{steps.steps} steps of '{name}' in {folder / 'experience' / name}")
        if lerobot and steps.steps:
            _write_lerobot(folder / "lerobot" / name, name, steps, say)
    return written + len(experience)


def _read(
    bag: Bag,
    folder: Path,
    weights: dict[str, WeightsExport],
    experience: dict[str, ExperienceExport],
) -> Counter[str]:
    damaged: Counter[str] = Counter()
    for message in bag.messages(
        [name for name in bag.topics if WEIGHTS in name or EXPERIENCE in name]
    ):
        name = message.topic.rpartition("/")[2]
        data = bytes(deserialize_message(message.data, UInt8MultiArray).data)
        try:
            if WEIGHTS in message.topic:
                weights.setdefault(name, WeightsExport()).add(data)
            else:
                if name not in experience:
                    experience[name] = ExperienceExport(folder / name, name)
                experience[name].add(data)
        except PayloadError as error:
            damaged[f"{message.topic}: {error}"] += 1
    return damaged


def _write_weights(path: Path, found: WeightsExport, say: Callable[[str], object]) -> int:
    if found.newest is None:
        say(
            f"no weights of '{path.stem}': the bag has {found.descriptors} descriptors of weights "
            "in shared memory and no weights; record with --weights"
        )
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_weights(found.newest))
    say(f"version {found.newest.version} of the weights of '{path.stem}' in {path}")
    return 1


def _write_lerobot(
    folder: Path, name: str, steps: ExperienceExport, say: Callable[[str], object]
) -> None:
    from pamiq_ros.offline.lerobot import write_dataset  # its libraries are an extra

    signature = next(steps.batches()).steps.signature
    episodes, frames = write_dataset(folder, name, lambda: steps.batches(signature))
    if frames < steps.steps:
        say(f"left out {steps.steps - frames} steps of '{name}': their spec is not the first one's")
    say(f"{frames} frames in {episodes} episodes of '{name}' in {folder}")


class WeightsExport:
    """The newest complete weights of one model.

    Attributes:
        newest: The weights; None if the bag has no complete ones.
        descriptors: Number of messages that only name a place in shared memory.
    """

    def __init__(self) -> None:
        self.newest: Weights | None = None
        self.descriptors = 0
        self._assemblers: dict[str, ChunkAssembler] = {}

    def add(self, data: bytes) -> None:
        """Add the payload of a message.

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
            self.descriptors += 1


class ExperienceExport:
    """The steps of one buffer without duplicates, in files of up to `SHARD_BYTES`.

    Args:
        folder: Folder of the files.
        buffer: The buffer's name.

    Attributes:
        steps: Number of steps written.
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

    def add(self, data: bytes) -> None:
        """Add the payload of a message.

        Raises:
            PayloadError: It is damaged.
        """
        batch = decode_experience(bytearray(data))
        window = self._windows.setdefault(batch.source, SequenceWindow())
        for begin, end in window.add(batch.first_sequence, len(batch.steps)):
            part = batch.part(begin - batch.first_sequence, end - batch.first_sequence)
            if self._parts and not _follows(self._parts[-1], part):
                self._flush()
            self._parts.append(part)
            self._bytes += part.steps.nbytes
            if self._bytes >= SHARD_BYTES:
                self._flush()

    def close(self) -> None:
        """Write the last file, and the description of all files in `dataset.json`."""
        self._flush()
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
            signature: Leave out steps of any other signature; empty: all steps.
        """
        for shard in self._shards:
            data = bytearray((self._folder / shard["file"]).read_bytes())
            batch = decode_experience(data)
            if signature in ("", batch.steps.signature):
                yield batch

    def _flush(self) -> None:
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


def _follows(before: ExperienceBatch, batch: ExperienceBatch) -> bool:
    same = (before.digest, before.source, before.steps.signature)
    if same != (batch.digest, batch.source, batch.steps.signature):
        return False
    return batch.first_sequence == before.first_sequence + len(before.steps)
