"""The header of a safetensors payload, read and checked without touching the data behind it.

The safetensors library's own reader copies every tensor while it holds the interpreter lock (about
a millisecond per megabyte), which would make a control loop in the same process late for as long
as a set of weights is large. So payloads are written by the library and read here; the tests hold
this reader against the library's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch

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
"""The element types a payload may hold, by their safetensors names."""

METADATA_KEY = "__metadata__"
MAX_HEADER_BYTES = 4 * 2**20
"""A longer header is refused, as JSON grows when it is read; 10,000 tensors take about 1 MiB."""

_MAX_DIMENSIONS = 32
_MAX_EXTENT = 2**48


class PayloadError(ValueError):
    """Bytes that are not the payload they should be; the text says why."""


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
    """What a payload holds.

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
