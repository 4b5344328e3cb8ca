"""Experience batches: consecutive equal-shaped steps of one source, with what acted in them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor

from pamiq_ros.core.data.batch import MAX_CHARACTERS, StepBatch

from .payload import Buffer, PayloadError, check_field, check_schema, decode, encode, integer, text

SCHEMA = "pamiq_ros/experience/1"
MAX_EXPERIENCE_BYTES = 256 * 2**20
"""A longer batch is refused unread."""

MAX_SEQUENCE = 2**62
"""Sequence numbers stay below this."""

MAX_CHECKSUM = 2**32 - 1


@dataclass(frozen=True)
class ExperienceBatch:
    """N consecutive steps of one source for one buffer.

    Attributes:
        digest: Digest of the configuration that the source runs.
        source: Name of the process that acted, new at each of its starts.
        buffer: Name of the buffer the steps are for.
        first_sequence: Sequence number of the first step; the others follow it one by one.
        stamps: int64 [N], when each step was collected, in ns since the epoch.
        weights_versions: int64 [N], version of the weights that acted; 0 for none.
        steps: The N steps.
    """

    digest: str
    source: str
    buffer: str
    first_sequence: int
    stamps: Tensor
    weights_versions: Tensor
    steps: StepBatch

    def part(self, begin: int, end: int) -> ExperienceBatch:
        """The steps from the `begin`-th up to, not including, the `end`-th."""
        return ExperienceBatch(
            self.digest,
            self.source,
            self.buffer,
            self.first_sequence + begin,
            self.stamps[begin:end].contiguous(),
            self.weights_versions[begin:end].contiguous(),
            self.steps[begin:end],
        )


def encode_experience(batch: ExperienceBatch) -> bytes:
    """Write a batch as a payload of schema `SCHEMA`.

    Raises:
        TypeError: A step holds a tensor that cannot be written.
        ValueError: The batch is empty, or its parts do not agree.
    """
    check_batch(batch)
    tensors = {"stamps": batch.stamps, "weights_versions": batch.weights_versions}
    tensors.update({f"column.{i}": column for i, column in enumerate(batch.steps.columns)})
    return encode(tensors, experience_metadata(batch, checksum(batch)))


def experience_metadata(batch: ExperienceBatch, crc32: int) -> dict[str, str]:
    """What the payload of a batch says beside its tensors.

    Args:
        batch: The batch.
        crc32: Its `checksum`.

    Raises:
        ValueError: A name or the signature is empty or too long.
    """
    return {
        "schema": SCHEMA,
        "digest": check_field("digest", batch.digest),
        "source": check_field("source", batch.source),
        "buffer": check_field("buffer", batch.buffer),
        "first_sequence": str(batch.first_sequence),
        "signature": check_field("signature", batch.steps.signature, MAX_CHARACTERS),
        "crc32": str(crc32),
    }


def checksum(batch: ExperienceBatch) -> int:
    """The crc32 of all that a batch says, from 0 to `MAX_CHECKSUM`."""
    said = (batch.digest, batch.source, batch.buffer, batch.first_sequence, batch.steps.signature)
    found = zlib.crc32("\n".join(map(str, said)).encode())
    for tensor in (batch.stamps, batch.weights_versions, *batch.steps.columns):
        found = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, found)
    return found


def decode_experience(data: Buffer, max_bytes: int = MAX_EXPERIENCE_BYTES) -> ExperienceBatch:
    """Read a batch. Its tensors are views of `data` where `data` is writable.

    Raises:
        PayloadError: `data` is not such a payload, or its parts do not agree; says why.
    """
    payload = decode(data, max_bytes)
    metadata, tensors = payload.metadata, payload.tensors
    check_schema(metadata, SCHEMA)
    columns: list[Tensor] = []
    while (column := tensors.get(f"column.{len(columns)}")) is not None:
        columns.append(column)
    expected = {"stamps", "weights_versions", *(f"column.{i}" for i in range(len(columns)))}
    if tensors.keys() != expected:
        shown = sorted(tensors.keys() ^ expected)[:4]
        raise PayloadError(f"tensors: expected stamps, weights_versions and columns; see {shown}")
    try:
        steps = StepBatch.from_columns(text(metadata, "signature", MAX_CHARACTERS), columns)
        batch = ExperienceBatch(
            text(metadata, "digest"),
            text(metadata, "source"),
            text(metadata, "buffer"),
            integer(metadata, "first_sequence", 0, MAX_SEQUENCE),
            tensors["stamps"],
            tensors["weights_versions"],
            steps,
        )
        check_batch(batch)
    except PayloadError:
        raise
    except ValueError as error:
        raise PayloadError(str(error)[:400]) from None
    if checksum(batch) != integer(metadata, "crc32", 0, MAX_CHECKSUM):
        raise PayloadError(f"steps from {batch.first_sequence} on: their checksum is wrong")
    return batch


def check_batch(batch: ExperienceBatch) -> None:
    """Check that the parts of a batch agree, but for the columns with their form.

    Raises:
        ValueError: They do not, or a number is out of range.
    """
    count = len(batch.steps)
    if count < 1:
        raise ValueError("steps: expected at least one, found none")
    if not 0 <= batch.first_sequence <= MAX_SEQUENCE - count:
        raise ValueError(
            f"first_sequence: expected 0 to {MAX_SEQUENCE - count}, found {batch.first_sequence}"
        )
    parts = {"stamps": batch.stamps, "weights_versions": batch.weights_versions}
    for name, tensor in parts.items():
        if tensor.dtype != torch.int64 or tuple(tensor.shape) != (count,):
            raise ValueError(
                f"{name}: expected int64 [{count}], found {tensor.dtype} {list(tensor.shape)}"
            )
        if int(tensor.min()) < 0:
            raise ValueError(f"{name}: expected 0 or more, found {int(tensor.min())}")
