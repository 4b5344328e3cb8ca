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

"""Experience batches: consecutive steps of one source and one form, as payloads."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pamiq_ros.core.data.batch import (
    DTYPES,
    MAX_CHARACTERS,
    Form,
    StepBatch,
    fill_column,
    leaves,
)

from .payload import (
    Buffer,
    Layout,
    PayloadError,
    check_field,
    check_schema,
    decode,
    encode,
    integer,
    layout_of,
    text,
)

SCHEMA = "pamiq_ros/experience/1"
MAX_EXPERIENCE_BYTES = 256 * 2**20
"""Longer payloads are refused unread."""

MAX_SEQUENCE = 2**62
"""Sequence numbers are smaller than this."""

_MAX_CHECKSUM = 2**32 - 1


@dataclass(frozen=True)
class ExperienceBatch:
    """N consecutive steps of one source for one buffer.

    Attributes:
        digest: Digest of the configuration of the source.
        source: Name of the process that acted, different after each start.
        buffer: Name of the buffer the steps are for.
        first_sequence: Sequence number of the first step; the others follow one by one.
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
        """Return the steps from index `begin` up to, not including, `end`."""
        return ExperienceBatch(
            self.digest,
            self.source,
            self.buffer,
            self.first_sequence + begin,
            self.stamps[begin:end].contiguous(),
            self.weights_versions[begin:end].contiguous(),
            self.steps[begin:end],
        )

    def tensors(self) -> dict[str, Tensor]:
        """Return the tensors of the payload by name."""
        columns = {f"column.{i}": column for i, column in enumerate(self.steps.columns)}
        return {"stamps": self.stamps, "weights_versions": self.weights_versions, **columns}

    def metadata(self, crc32: int) -> dict[str, str]:
        """Return the metadata of the payload.

        Args:
            crc32: The `checksum`.

        Raises:
            ValueError: A name or the signature is empty or too long.
        """
        return {
            "schema": SCHEMA,
            "digest": check_field("digest", self.digest),
            "source": check_field("source", self.source),
            "buffer": check_field("buffer", self.buffer),
            "first_sequence": str(self.first_sequence),
            "signature": check_field("signature", self.steps.signature, MAX_CHARACTERS),
            "crc32": str(crc32),
        }

    def checksum(self) -> int:
        """Return the crc32 of all fields, from 0 to 2^32 - 1."""
        names = (self.digest, self.source, self.buffer, self.first_sequence, self.steps.signature)
        crc32 = zlib.crc32("\n".join(map(str, names)).encode())
        for tensor in (self.stamps, self.weights_versions, *self.steps.columns):
            crc32 = zlib.crc32(tensor.reshape(-1).view(torch.uint8).numpy().data, crc32)
        return crc32

    def check(self) -> None:
        """Check that the fields agree. `StepBatch` has checked the columns with their form.

        Raises:
            ValueError: They do not, or a number is out of range.
        """
        count = len(self.steps)
        if count < 1:
            raise ValueError("steps: expected at least one, found none")
        if not 0 <= self.first_sequence <= MAX_SEQUENCE - count:
            raise ValueError(
                f"first_sequence: expected 0 to {MAX_SEQUENCE - count}, found {self.first_sequence}"
            )
        parts = {"stamps": self.stamps, "weights_versions": self.weights_versions}
        for name, tensor in parts.items():
            if tensor.dtype != torch.int64 or tuple(tensor.shape) != (count,):
                raise ValueError(
                    f"{name}: expected int64 [{count}], found {tensor.dtype} {list(tensor.shape)}"
                )
            if int(tensor.min()) < 0:
                raise ValueError(f"{name}: expected 0 or more, found {int(tensor.min())}")


def encode_experience(batch: ExperienceBatch) -> bytes:
    """Return a batch as a payload of schema `SCHEMA`.

    Raises:
        TypeError: A step has a tensor that cannot be written.
        ValueError: The batch is empty, or its parts do not agree.
    """
    batch.check()
    return encode(batch.tensors(), batch.metadata(batch.checksum()))


class ExperienceWriter:
    """Writes the batches of one source for one buffer, each over the previous one.

    The payloads are read like those of `encode_experience`, but the memory is reused, each step is
    copied once, and the copies release the interpreter lock.

    Args:
        digest: Digest of the configuration of the source.
        source: Name of the process that acts.
        buffer: Name of the buffer the steps are for.
    """

    def __init__(self, digest: str, source: str, buffer: str) -> None:
        self._names = (digest, source, buffer)
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._layout: Layout | None = None
        self._tensors: dict[str, Tensor] = {}

    def write(
        self,
        first_sequence: int,
        stamps: Sequence[int],
        weights_versions: Sequence[int],
        form: Form,
        rows: Sequence[Sequence[Any]],
    ) -> memoryview:
        """Write a batch.

        Args:
            first_sequence: Sequence number of the first step.
            stamps: When each step was collected, in ns since the epoch.
            weights_versions: Version of the weights that acted in each.
            form: The form of the steps.
            rows: The leaves of each step, as `flatten` returns them.

        Returns:
            The payload, valid until the next call.

        Raises:
            TypeError: A step has a tensor that cannot be written.
            ValueError: The batch is empty, or a number is out of range.
        """
        layout = _layout(form, len(rows), *self._names)
        self._use(layout)
        numbers = (self._tensors["stamps"], self._tensors["weights_versions"])
        for tensor, values in zip(numbers, (stamps, weights_versions), strict=True):
            tensor.numpy()[:] = values
        columns = [self._tensors[f"column.{i}"] for i in range(len(leaves(form)))]
        steps = StepBatch(form, columns)
        batch = ExperienceBatch(*self._names, first_sequence, *numbers, steps)
        batch.check()
        for i, (leaf, column) in enumerate(zip(leaves(form), columns, strict=True)):
            fill_column(leaf, [row[i] for row in rows], column)
        payload = self._memory.numpy().data[: layout.size]
        payload[: layout.start] = layout.header(batch.metadata(batch.checksum()))
        return payload

    def _use(self, layout: Layout) -> None:
        """Prepare memory for a layout; most batches have the layout of the previous one."""
        if layout is not self._layout:
            if len(self._memory) < layout.size:
                self._memory = torch.empty(layout.size, dtype=torch.uint8)
            self._layout, self._tensors = layout, layout.views(self._memory)


@lru_cache(maxsize=64)
def _layout(form: Form, count: int, digest: str, source: str, buffer: str) -> Layout:
    """Return the layout of a batch of `count` steps."""
    numbers = torch.empty((), dtype=torch.int64).expand(count)
    # Tensors of the right shapes that take no memory.
    columns = [
        torch.empty((), dtype=DTYPES[leaf.dtype]).expand(count, *leaf.shape)
        for leaf in leaves(form)
    ]
    steps = StepBatch(form, columns)
    longest = ExperienceBatch(digest, source, buffer, MAX_SEQUENCE, numbers, numbers, steps)
    return layout_of(longest.tensors(), longest.metadata(_MAX_CHECKSUM))


def decode_experience(data: Buffer, max_bytes: int = MAX_EXPERIENCE_BYTES) -> ExperienceBatch:
    """Return the batch in a payload. Its tensors are views of `data` if `data` is writable.

    Raises:
        PayloadError: `data` is not such a payload, or its parts do not agree; names the reason.
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
        batch.check()
    except PayloadError:
        raise
    except ValueError as error:
        raise PayloadError(str(error)[:400]) from None
    if batch.checksum() != integer(metadata, "crc32", 0, _MAX_CHECKSUM):
        raise PayloadError(f"steps from {batch.first_sequence} on: their checksum is wrong")
    return batch
