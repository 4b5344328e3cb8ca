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

"""Payloads: safetensors bytes with a metadata map, their fields checked, their faults named.

safetensors is an open format that executes nothing when it is read. Every topic of experience and
weights carries it.
"""

from __future__ import annotations

import re
from array import array
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

import torch
from torch import Tensor

from .header import Layout, PayloadError, Span, layout_of, read_header

__all__ = [
    "MAX_TEXT",
    "Buffer",
    "DigestMismatch",
    "Layout",
    "Payload",
    "PayloadError",
    "Reported",
    "check_digest",
    "check_field",
    "check_schema",
    "decode",
    "encode",
    "integer",
    "layout_of",
    "named",
    "text",
]

Buffer = Union[bytes, bytearray, memoryview, "array[int]"]
"""What payloads are read from; message fields of type uint8[] are `array.array('B')`."""

MAX_TEXT = 256
"""Longest digest, source or buffer name, in characters."""

_INTEGER = re.compile(r"0|[1-9][0-9]{0,18}")
_MOST_REPORTED = 64


@dataclass(frozen=True)
class Payload:
    """The content of a payload.

    Attributes:
        tensors: The tensors by name, on the CPU, contiguous.
        metadata: The str to str map.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]


def encode(tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    """Write tensors and metadata as one safetensors payload.

    Args:
        tensors: Dense tensors by name, on any device; they may share memory.
        metadata: Strings by key.

    Raises:
        TypeError: A name or a metadata entry is no string, or a tensor's type or layout cannot be
            written; names it.
        ValueError: A reserved name, text without a UTF-8 form, or too long a header.
    """
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata {key!r}: expected strings, found {value!r}")
    layout = layout_of(tensors, metadata)
    memory = bytearray(layout.size)
    memory[: layout.start] = layout.header(metadata)
    for name, view in layout.views(torch.frombuffer(memory, dtype=torch.uint8)).items():
        view.copy_(tensors[name].detach())
    return bytes(memory)


def decode(data: Buffer, max_bytes: int) -> Payload:
    """Read a payload; nothing in it is executed, and nothing beyond it is allocated.

    The tensors are views of `data` where it is writable (`bytearray`, `array`), so that reading
    costs no copy: leave `data` alone afterwards. Read-only bytes are copied once.

    Args:
        data: The payload.
        max_bytes: Longer payloads are refused before anything is read.

    Raises:
        PayloadError: `data` is not a payload; says why. No other exception escapes.
    """
    view = _as_bytes(data)
    if len(view) > max_bytes:
        raise PayloadError(f"expected at most {max_bytes} bytes, found {len(view)}")
    header = read_header(view)
    body = view[header.start :]
    if body.readonly:
        body = memoryview(bytearray(body))
    raw = torch.frombuffer(body, dtype=torch.uint8) if len(body) else torch.empty(0)
    return Payload({span.name: _tensor(raw, span) for span in header.spans}, header.metadata)


def text(metadata: Mapping[str, str], key: str, longest: int = MAX_TEXT) -> str:
    """The field `key`: a string of 1 to `longest` characters.

    Raises:
        PayloadError: It is missing, empty or too long.
    """
    value = metadata.get(key)
    if value is None:
        raise PayloadError(f"metadata {key!r}: expected, but it is missing")
    if not 0 < len(value) <= longest:
        raise PayloadError(
            f"metadata {key!r}: expected 1 to {longest} characters, found {len(value)}"
        )
    return value


def integer(metadata: Mapping[str, str], key: str, low: int, high: int) -> int:
    """The field `key`: a whole number in decimal digits, from `low` (0 or more) to `high`.

    Raises:
        PayloadError: It is missing, not such a number, or out of range.
    """
    value = metadata.get(key)
    if value is None:
        raise PayloadError(f"metadata {key!r}: expected, but it is missing")
    if not _INTEGER.fullmatch(value) or not low <= int(value) <= high:
        raise PayloadError(
            f"metadata {key!r}: expected a whole number from {low} to {high}, found {value[:40]!r}"
        )
    return int(value)


def check_schema(metadata: Mapping[str, str], expected: str) -> None:
    """Check that a payload is of the schema `expected`.

    Raises:
        PayloadError: It is of another, or says of none; names both.
    """
    found = metadata.get("schema")
    if found != expected:
        raise PayloadError(f"metadata 'schema': expected {expected!r}, found {str(found)[:80]!r}")


class DigestMismatch(PayloadError):
    """A payload of another configuration; names both digests.

    Attributes:
        expected: The digest of this node's configuration.
        found: The digest in the payload.
        source: Where the payload is from.
    """

    def __init__(self, expected: str, found: str, source: str) -> None:
        super().__init__(
            f"from {source!r}: expected configuration digest {expected!r}, found {found!r}"
        )
        self.expected = expected
        self.found = found
        self.source = source


def check_digest(metadata: Mapping[str, str], expected: str) -> None:
    """Check that a payload is of the configuration whose digest is `expected`.

    Raises:
        DigestMismatch: It is of another; names both.
        PayloadError: It says of none, or of no source.
    """
    found, source = text(metadata, "digest"), text(metadata, "source")
    if found != expected:
        raise DigestMismatch(expected, found, source)


def check_field(name: str, value: str, longest: int = MAX_TEXT) -> str:
    """Check a text field before it is written.

    Raises:
        ValueError: It is empty or too long to be read back.
    """
    if not 0 < len(value) <= longest:
        raise ValueError(f"{name}: expected 1 to {longest} characters, found {len(value)}")
    return value


class Reported:
    """Remembers what was reported lately, so that a fault is reported once and not per message."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[str, ...], None] = OrderedDict()

    def is_new(self, *about: str) -> bool:
        """Whether nothing was reported about these names yet; marks them as reported."""
        if about in self._seen:
            return False
        self._seen[about] = None
        while len(self._seen) > _MOST_REPORTED:
            self._seen.popitem(last=False)
        return True


def named(error: Exception) -> str:
    """Return an error's text with its type's name."""
    return f"{type(error).__name__}: {error}"


def _as_bytes(data: object) -> memoryview:
    try:
        return memoryview(data).cast("B")  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise PayloadError(f"expected contiguous bytes, found {type(data).__name__}") from error


def _tensor(raw: Tensor, span: Span) -> Tensor:
    if span.begin == span.end:
        return torch.empty(span.shape, dtype=span.dtype)
    part = raw[span.begin : span.end]
    if span.dtype is torch.bool and bool((part > 1).any()):
        raise PayloadError(f"tensor {span.name[:80]!r}: expected bools of 0 or 1, found others")
    # Other writers need not align their data, and unaligned memory cannot be viewed as wider types.
    if (part.data_ptr() | span.begin) % span.dtype.itemsize:
        part = part.clone()
    return part.view(span.dtype).reshape(span.shape)
