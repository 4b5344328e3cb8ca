"""The envelope of all that travels: safetensors bytes with a str to str metadata map.

safetensors is an open format that executes nothing when it is read, and that any language reads.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union

import torch
from safetensors import SafetensorError
from safetensors.torch import save
from torch import Tensor

from .header import DTYPES, METADATA_KEY, PayloadError, Span, read_header

__all__ = ["Buffer", "Payload", "PayloadError", "check_sendable", "decode", "encode"]

Buffer = Union[bytes, bytearray, memoryview, "array[int]"]
"""What payloads are read from; message fields of type uint8[] are `array.array('B')`."""

_SENDABLE = frozenset(DTYPES.values())


@dataclass(frozen=True)
class Payload:
    """A payload's content.

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
        ValueError: A reserved name, or text that has no UTF-8 form.
    """
    for key, value in metadata.items():
        if not isinstance(key, str) or not isinstance(value, str):
            raise TypeError(f"metadata {key!r}: expected strings, found {value!r}")
    own: dict[str, Tensor] = {}
    storages: set[int] = set()
    for name, tensor in tensors.items():
        check_sendable(name, tensor)
        flat = tensor.detach().cpu().contiguous()
        # The library refuses names that share memory (tied parameters): each gets its own copy.
        storage = flat.untyped_storage().data_ptr()
        own[name] = flat.clone() if storage in storages else flat
        storages.add(storage)
    try:
        # The library writes a broken header for no tensors with an empty map: None instead.
        return bytes(save(own, metadata=dict(metadata) or None))
    except SafetensorError as error:
        raise ValueError(f"payload cannot be written: {error}") from error


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


def check_sendable(name: object, tensor: object) -> None:
    """Check that a tensor can be written under a name.

    Raises:
        TypeError: It can't; says what was found.
        ValueError: The name is reserved.
    """
    if not isinstance(name, str):
        raise TypeError(f"tensor {name!r}: expected a string as its name")
    if name == METADATA_KEY:
        raise ValueError(f"tensor {name!r}: the name is reserved")
    if not isinstance(tensor, Tensor):
        raise TypeError(f"tensor {name!r}: expected a tensor, found {type(tensor).__name__}")
    if tensor.layout != torch.strided or tensor.dtype not in _SENDABLE:
        raise TypeError(
            f"tensor {name!r}: {tensor.dtype} in layout {tensor.layout} cannot be written"
        )
    if tensor.is_meta:
        raise TypeError(f"tensor {name!r}: it is on the meta device and has no data")


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
