"""Where each tensor lies in a payload that is written in place, again and again.

The safetensors library makes new bytes for each payload and holds the interpreter lock meanwhile.
Weights are written version after version into memory that is there already: the layout is made
once, the header anew for each version, always of one length. The library reads what comes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from .header import DTYPES, MAX_HEADER_BYTES, METADATA_KEY, Span
from .payload import check_sendable

ALIGNMENT = 64
"""The data begins at a multiple of so many bytes, counted from the payload's begin."""

_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Layout:
    """The plan of a payload.

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
            metadata: Strings by key, no longer together than those the layout was made with.

        Raises:
            ValueError: They are longer.
        """
        text = _header(self.spans, metadata)
        if len(text) > self.start - 8:
            raise ValueError(f"metadata: expected a header of {self.start - 8}, found {len(text)}")
        # Readers take spaces after the JSON; the format's own padding is made of them.
        return (self.start - 8).to_bytes(8, "little") + text.ljust(self.start - 8)

    def fits(self, tensors: Mapping[str, Tensor]) -> bool:
        """Whether tensors are of the names, dtypes and shapes that this layout was made for."""
        return len(tensors) == len(self.spans) and all(
            (tensor := tensors.get(span.name)) is not None
            and (tensor.dtype, tuple(tensor.shape)) == (span.dtype, span.shape)
            for span in self.spans
        )


def layout_of(tensors: Mapping[str, Tensor], longest_metadata: Mapping[str, str]) -> Layout:
    """Plan a payload.

    Args:
        tensors: Dense tensors by name, on any device.
        longest_metadata: The longest strings that will be written beside them.

    Raises:
        TypeError: A tensor that cannot be written; names it.
        ValueError: A reserved name, or a header longer than readers take.
    """
    for name, tensor in tensors.items():
        check_sendable(name, tensor)
    spans, position = [], 0
    # The widest types first: then each tensor is aligned to its type.
    for name in sorted(tensors, key=lambda name: (-tensors[name].element_size(), name)):
        tensor = tensors[name]
        size = tensor.numel() * tensor.element_size()
        shape = tuple(tensor.shape)
        spans.append(Span(name, tensor.dtype, shape, position, position + size))
        position += size
    length = 8 + len(_header(spans, longest_metadata))
    if length > MAX_HEADER_BYTES:
        raise ValueError(f"header: expected at most {MAX_HEADER_BYTES} bytes, found {length}")
    start = -(-length // ALIGNMENT) * ALIGNMENT
    return Layout(tuple(spans), start, start + position)


def _header(spans: list[Span] | tuple[Span, ...], metadata: Mapping[str, str]) -> bytes:
    fields: dict[str, object] = {METADATA_KEY: dict(metadata)} if metadata else {}
    for span in spans:
        fields[span.name] = {
            "dtype": _NAMES[span.dtype],
            "shape": list(span.shape),
            "data_offsets": [span.begin, span.end],
        }
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()
