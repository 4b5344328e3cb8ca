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

"""Weights in chunks: the sender splits them, the receiver assembles them in whatever order."""

from __future__ import annotations

import contextlib
import mmap
import zlib
from collections import Counter, OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from .payload import (
    Buffer,
    DigestMismatch,
    Payload,
    PayloadError,
    check_digest,
    check_schema,
    decode,
    integer,
    layout_of,
    text,
)
from .versions import MAX_VERSION, is_late
from .weights import MAX_WEIGHTS_BYTES, Weights, decode_weights

SCHEMA = "pamiq_ros/weights_chunk/1"
CHUNK_BYTES = 2**20
MAX_CHUNK_BYTES = 64 * 2**20
"""Longer chunks are refused unread."""

MAX_CHUNKS = 65536
"""Weights in more chunks than these are neither split nor assembled."""

_HEADER_ROOM = 4096
_MOST_SOURCES = 64


@dataclass(frozen=True)
class _Version:
    """The metadata that all chunks of one version share."""

    source: str
    version: int
    count: int
    total: int
    chunk_bytes: int


def chunk_count(total: int, chunk_bytes: int = CHUNK_BYTES) -> int:
    """How many chunks `total` bytes make; the depth a latched topic needs for one version."""
    return max(1, -(-total // chunk_bytes))


def split_weights(
    encoded: Buffer, *, digest: str, source: str, version: int, chunk_bytes: int = CHUNK_BYTES
) -> Iterator[bytes]:
    """Split encoded weights into payloads of schema `SCHEMA`, encoded one at a time.

    Args:
        encoded: The payload of weights, left alone until the last chunk is encoded.
        digest: The digest in it.
        source: The source in it.
        version: The version in it.
        chunk_bytes: Bytes of weights in each chunk but the last.

    Raises:
        ValueError: `chunk_bytes` is out of range, or would make too many chunks.
    """
    count = chunk_count(len(encoded), chunk_bytes) if chunk_bytes > 0 else 0
    if not 0 < chunk_bytes <= MAX_CHUNK_BYTES or count > MAX_CHUNKS:
        raise ValueError(
            f"chunk_bytes: expected up to {MAX_CHUNK_BYTES} and at most {MAX_CHUNKS} chunks, "
            f"found {chunk_bytes} and {count} chunks"
        )
    common = _Version(source, version, count, len(encoded), chunk_bytes)
    view = memoryview(encoded)
    return (_chunk(view, digest, common, index) for index in range(count))


class ChunkAssembler:
    """Assembles the chunks of one version and yields each version at most once.

    Chunks may arrive in any order, more than once, and mixed with those of other versions and other
    sources. One version at a time has memory. It is abandoned for a version of its source that is
    not late, and for one of another source that it has not been abandoned for already.

    Args:
        digest: Weights of another configuration are refused.
        max_bytes: Longer weights are refused before memory is allocated for them.

    Attributes:
        figures: How many chunks were `accepted`, `malformed`, `foreign` (another digest),
            `duplicate`, `stale` (of a version that is done or was given up) and `mixed` (unlike
            the chunks before of the same version); how many versions were `complete`, `abandoned`
            (incomplete when another took their place) and `broken` (complete but not weights).
    """

    def __init__(self, digest: str, max_bytes: int = MAX_WEIGHTS_BYTES) -> None:
        self.statistics: Counter[str] = Counter()
        self._digest = digest
        self._max_bytes = max_bytes
        self._current: _Version | None = None
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._missing: set[int] = set()
        self._begun: OrderedDict[str, int] = OrderedDict()

    @property
    def assembling(self) -> bool:
        """Whether a version has begun and is not whole."""
        return self._current is not None

    def add(self, data: Buffer) -> Weights | None:
        """Take a chunk.

        Returns:
            The weights when this chunk was their last, else None.

        Raises:
            DigestMismatch: The chunk is of another configuration; names both digests.
            PayloadError: It is not a chunk, or the weights that it completes are invalid; says why.
        """
        try:
            payload = decode(data, MAX_CHUNK_BYTES + _HEADER_ROOM)
        except PayloadError:
            self.statistics["malformed"] += 1
            raise
        return self.add_payload(payload)

    def add_payload(self, payload: Payload) -> Weights | None:
        """Take a chunk that has been decoded; otherwise as `add`."""
        try:
            version, index, part = _read_chunk(payload, self._digest, self._max_bytes)
        except DigestMismatch:
            self.statistics["foreign"] += 1
            raise
        except PayloadError:
            self.statistics["malformed"] += 1
            raise
        refusal = self._refusal(version, index)
        if refusal is not None:
            self.statistics[refusal] += 1
            return None
        if version != self._current:
            self._begin(version)
        self.statistics["accepted"] += 1
        begin = index * version.chunk_bytes
        self._memory[begin : begin + part.numel()].copy_(part)
        self._missing.discard(index)
        return None if self._missing else self._finish(version)

    def _refusal(self, version: _Version, index: int) -> str | None:
        current = self._current
        if version == current:
            return None if index in self._missing else "duplicate"
        same = current is not None and current.source == version.source
        if same and current is not None and current.version == version.version:
            return "mixed"
        newest = self._begun.get(version.source, 0)
        return "stale" if is_late(version.version, newest) else None

    def _begin(self, version: _Version) -> None:
        if self._current is not None:
            self.statistics["abandoned"] += 1
        self._release()
        try:
            self._memory = _large_memory(version.total)
        except (OSError, MemoryError) as error:
            self.statistics["malformed"] += 1
            raise PayloadError(f"no memory for weights of {version.total} bytes") from error
        self._current = version
        self._missing = set(range(version.count))
        self._begun[version.source] = version.version
        self._begun.move_to_end(version.source)
        while len(self._begun) > _MOST_SOURCES:
            self._begun.popitem(last=False)

    def _finish(self, version: _Version) -> Weights:
        memory = self._memory.numpy().data
        self._release()
        try:
            weights = decode_weights(memory, self._digest, self._max_bytes)
            if (weights.source, weights.version) != (version.source, version.version):
                raise PayloadError(
                    f"expected version {version.version} of {version.source!r}, "
                    f"found {weights.version} of {weights.source!r}"
                )
        except PayloadError:
            self.statistics["broken"] += 1
            raise
        self.statistics["complete"] += 1
        return weights

    def _release(self) -> None:
        self._current = None
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._missing = set()


def _large_memory(size: int) -> Tensor:
    memory = mmap.mmap(-1, size)
    with contextlib.suppress(OSError, AttributeError):  # a kernel, or a system, without
        # Memory fresh from the system costs more than what is copied to it, unless by large pages.
        memory.madvise(mmap.MADV_HUGEPAGE)
    return torch.frombuffer(memory, dtype=torch.uint8)


def _chunk(encoded: memoryview, digest: str, common: _Version, index: int) -> bytes:
    begin = index * common.chunk_bytes
    part = encoded[begin : begin + common.chunk_bytes]
    numbers = {f.name: str(getattr(common, f.name)) for f in fields(common)}
    metadata = {"schema": SCHEMA, "digest": digest, **numbers, "index": str(index)}
    metadata["crc32"] = str(_checksum(common, index, part))
    layout = layout_of({"data": torch.empty(len(part), dtype=torch.uint8)}, metadata)
    return b"".join((layout.header(metadata), part))


def _checksum(common: _Version, index: int, part: bytes | memoryview) -> int:
    # Of the numbers too: a damaged version number must not make the true ones look old.
    content = "\n".join(str(getattr(common, f.name)) for f in fields(common))
    return zlib.crc32(part, zlib.crc32(f"{content}\n{index}".encode()))


def _read_chunk(payload: Payload, digest: str, max_bytes: int) -> tuple[_Version, int, Tensor]:
    metadata = payload.metadata
    check_schema(metadata, SCHEMA)
    check_digest(metadata, digest)
    common = _Version(
        text(metadata, "source"),
        integer(metadata, "version", 1, MAX_VERSION),
        integer(metadata, "count", 1, MAX_CHUNKS),
        integer(metadata, "total", 1, max_bytes),
        integer(metadata, "chunk_bytes", 1, MAX_CHUNK_BYTES),
    )
    if common.count != chunk_count(common.total, common.chunk_bytes):
        raise PayloadError(
            f"metadata 'count': expected {chunk_count(common.total, common.chunk_bytes)} chunks "
            f"of {common.chunk_bytes} for {common.total} bytes, found {common.count}"
        )
    index = integer(metadata, "index", 0, common.count - 1)
    size = min(common.chunk_bytes, common.total - index * common.chunk_bytes)
    part = payload.tensors.get("data")
    if len(payload.tensors) != 1 or part is None:
        raise PayloadError("tensors: expected data alone")
    if part.dtype != torch.uint8 or tuple(part.shape) != (size,):
        raise PayloadError(f"data: expected uint8 [{size}], found {part.dtype} {list(part.shape)}")
    if _checksum(common, index, part.numpy().data) != integer(metadata, "crc32", 0, 2**32 - 1):
        raise PayloadError(f"chunk {index} of version {common.version}: its checksum is wrong")
    return common, index, part
