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

"""The header of a safetensors payload: read with all checks, or planned for data to be written.

The safetensors library copies every tensor while it holds the interpreter lock (about a millisecond
per megabyte), so a control loop in the same process would be late. Here the header is read and
written apart from the data, which the caller copies without the lock. The tests compare both
directions with the library.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "U16": torch.uint16,
    "I16": torch.int16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "U32": torch.uint32,
    "I32": torch.int32,
    "F32": torch.float32,
    "U64": torch.uint64,
    "I64": torch.int64,
    "F64": torch.float64,
    "C64": torch.complex64,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
}
"""The element types of a payload, by their safetensors names."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}

METADATA_KEY = "__metadata__"
MAX_HEADER_BYTES = 4 * 2**20
"""A longer header is refused, as JSON grows when it is read; 10,000 tensors take about 1 MiB."""

ALIGNMENT = 64
"""A planned payload's data begins at a multiple of this many bytes."""

_MAX_DIMENSIONS = 32
_MAX_EXTENT = 2**48


class PayloadError(ValueError):
    """Bytes are not a valid payload; the text says why."""


@dataclass(frozen=True)
class Span:
    """Where a tensor lies in the data section.

    Attributes:
        name: Name of the tensor.
        dtype: Element type.
        shape: Extents.
        begin: First byte, counted from the start of the data section.
        end: The byte after the last.
    """

    name: str
    dtype: torch.dtype
    shape: tuple[int, ...]
    begin: int
    end: int


@dataclass(frozen=True)
class Header:
    """What a payload contains.

    Attributes:
        start: Offset in bytes of the data section.
        spans: The tensors, in the order of their data.
        metadata: The str to str map.
    """

    start: int
    spans: list[Span]
    metadata: dict[str, str]


def read_header(data: memoryview, length: int | None = None) -> Header:
    """Read the header of a payload and check all it says against the payload's length.

    Args:
        data: The payload as single bytes; its beginning is enough if `length` is given.
        length: Length of the whole payload in bytes; None: `data` is all of it.

    Raises:
        PayloadError: It is not a safetensors payload.
    """
    raw = _raw_header(data)
    try:
        fields = json.loads(raw.decode(), object_pairs_hook=_unique, parse_int=_natural)
    except (ValueError, RecursionError) as error:
        raise PayloadError(f"header: expected JSON in UTF-8, found {_short(error)}") from None
    if not isinstance(fields, dict):
        raise PayloadError(f"header: expected a JSON object, found {type(fields).__name__}")
    metadata = _metadata(fields.pop(METADATA_KEY, {}))
    spans = sorted((_span(name, spec) for name, spec in fields.items()), key=lambda s: s.begin)
    start = 8 + len(raw)
    _check_layout(spans, (len(data) if length is None else length) - start)
    return Header(start, spans, metadata)


@dataclass(frozen=True)
class Layout:
    """The plan of a payload that is written in place, once or for version after version.

    Only the header changes from version to version, and it keeps its length.

    Attributes:
        spans: The tensors in the order of their data; offsets count from `start`.
        start: Length of the header in bytes, its length field included.
        size: Length of the payload in bytes.
    """

    spans: tuple[Span, ...]
    start: int
    size: int

    def header(self, metadata: Mapping[str, str]) -> bytes:
        """The payload's first `start` bytes.

        Args:
            metadata: Strings by key; their JSON is at most as long as that of the longest ones the
                layout was made for.

        Raises:
            ValueError: It is longer.
        """
        text = _header_text(self.spans, metadata)
        if len(text) > self.start - 8:
            raise ValueError(f"metadata: expected a header of {self.start - 8}, found {len(text)}")
        # The format allows spaces after the JSON.
        return (self.start - 8).to_bytes(8, "little") + text.ljust(self.start - 8)

    def fits(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether tensors are of the names, dtypes and shapes that this layout was made for."""
        return len(tensors) == len(self.spans) and all(
            (tensor := tensors.get(span.name)) is not None
            and (tensor.dtype, tuple(tensor.shape)) == (span.dtype, span.shape)
            for span in self.spans
        )

    def views(self, memory: Tensor) -> dict[str, Tensor]:
        """The tensors as views of a payload's memory, uint8 [size] or longer."""
        data = memory[self.start : self.size]
        return {
            span.name: data[span.begin : span.end].view(span.dtype).view(span.shape)
            for span in self.spans
        }


def layout_of(tensors: Mapping[str, Tensor], longest_metadata: Mapping[str, str]) -> Layout:
    """Plan a payload.

    Args:
        tensors: Dense tensors by name, on any device.
        longest_metadata: The longest metadata that will be written.

    Raises:
        TypeError: A tensor that cannot be written; names it.
        ValueError: A reserved name, text without a UTF-8 form, or a header longer than
            `MAX_HEADER_BYTES`.
    """
    for name, tensor in tensors.items():
        _check_sendable(name, tensor)
    spans, position = [], 0
    # Widest types first, so that each tensor is aligned to its type.
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name]
        size = tensor.numel() * tensor.element_size()
        shape = tuple(tensor.shape)
        spans.append(Span(name, tensor.dtype, shape, position, position + size))
        position += size
    length = 8 + len(_header_text(spans, longest_metadata))
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"header: expected at most {MAX_HEADER_BYTES} bytes, found {length}")
    start = -(-length // ALIGNMENT) * ALIGNMENT
    return Layout(tuple(spans), start, start + position)


def _raw_header(data: memoryview) -> bytes:
    if len(data) < 8:
        raise PayloadError(f"expected at least 8 bytes, found {len(data)}")
    size = int.from_bytes(data[:8], "little")
    if size > MAX_HEADER_BYTES:
        raise PayloadError(f"header: expected at most {MAX_HEADER_BYTES} bytes, found {size}")
    if size > len(data) - 8:
        raise PayloadError(f"header: expected {size} bytes, found {len(data) - 8}")
    raw = bytes(data[8 : 8 + size])
    if not raw.startswith(b"{"):
        raise PayloadError(f"header: expected '{{' first, found {raw[:1]!r}")
    return raw


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        name.encode()  # a lone surrogate is a UnicodeEncodeError, which is a ValueError
        if name in fields:
            raise ValueError(f"{name[:80]!r} twice")
        fields[name] = value
    return fields


def _natural(digits: str) -> int:
    if digits.startswith("-") or len(digits) > 20:
        raise ValueError(f"the number {digits[:24]}")
    return int(digits)


def _metadata(found: Any) -> dict[str, str]:
    if not isinstance(found, dict):
        raise PayloadError(f"metadata: expected an object, found {type(found).__name__}")
    for key, value in found.items():
        if not isinstance(value, str):
            kind = type(value).__name__
            raise PayloadError(f"metadata {key[:80]!r}: expected a string, found {kind}")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise PayloadError(f"metadata {key[:80]!r}: {_short(error)}") from None
    return found


def _span(name: str, spec: Any) -> Span:
    place = f"tensor {name[:80]!r}"
    if not isinstance(spec, dict) or spec.keys() != {"dtype", "shape", "data_offsets"}:
        raise PayloadError(f"{place}: expected dtype, shape and data_offsets alone")
    dtype = DTYPES.get(spec["dtype"]) if isinstance(spec["dtype"], str) else None
    if dtype is None:
        raise PayloadError(f"{place}: unknown dtype {str(spec['dtype'])[:20]!r}")
    shape = _naturals(f"{place} shape", spec["shape"], _MAX_DIMENSIONS)
    offsets = _naturals(f"{place} data_offsets", spec["data_offsets"], 2)
    size = dtype.itemsize
    extent = 1
    for length in shape:
        size *= length
        extent *= max(length, 1)
    if extent > _MAX_EXTENT:
        raise PayloadError(f"{place}: shape {list(shape)} is out of range")
    if len(offsets) != 2 or offsets[1] - offsets[0] != size:
        raise PayloadError(f"{place}: expected {size} bytes, found offsets {list(offsets)}")
    return Span(name, dtype, shape, offsets[0], offsets[1])


def _naturals(place: str, found: Any, most: int) -> tuple[int, ...]:
    if not isinstance(found, list) or len(found) > most or {type(n) for n in found} - {int}:
        shown = str(found)[:80]
        raise PayloadError(f"{place}: expected at most {most} whole numbers, found {shown}")
    return tuple(found)


def _check_layout(spans: list[Span], available: int) -> None:
    position = 0
    for span in sorted(spans, key=lambda s: (s.begin, s.end)):
        if span.begin != position:
            raise PayloadError(
                f"tensor {span.name[:80]!r}: expected its data at {position}, found {span.begin}"
            )
        position = span.end
    if position != available:
        raise PayloadError(f"expected {position} bytes of data, found {available}")


def _short(error: Exception) -> str:
    return f"{type(error).__name__}: {str(error)[:120]}"


def _check_sendable(name: object, tensor: object) -> None:
    """Check that a tensor can be written under a name.

    Raises:
        TypeError: It cannot; says what was found.
        ValueError: The name is reserved.
    """
    if not isinstance(name, str):
        raise TypeError(f"tensor {name!r}: expected a string as its name")
    if name == METADATA_KEY:
        raise ValueError(f"tensor {name!r}: the name is reserved")
    if not isinstance(tensor, Tensor):
        raise TypeError(f"tensor {name!r}: expected a tensor, found {type(tensor).__name__}")
    if tensor.layout != torch.strided or tensor.dtype not in _NAMES:
        raise TypeError(
            f"tensor {name!r}: {tensor.dtype} in layout {tensor.layout} cannot be written"
        )
    if tensor.is_meta:
        raise TypeError(f"tensor {name!r}: it is on the meta device and has no data")


def _header_text(spans: Iterable[Span], metadata: Mapping[str, str]) -> bytes:
    fields: dict[str, object] = {METADATA_KEY: dict(metadata)} if metadata else {}
    for span in spans:
        fields[span.name] = {
            "dtype": _NAMES[span.dtype],
            "shape": list(span.shape),
            "data_offsets": [span.begin, span.end],
        }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
