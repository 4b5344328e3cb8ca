"""Weights in shared memory: the marks of a slot, the descriptor that announces it, the request.

A slot is a mark, then a payload of weights. The mark is the version that is in it, twice: the first
is set before the payload is written and the second when it is done. A reader that finds both to be
the version it was told of, before and after it read, has read that version whole.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from .payload import (
    Payload,
    PayloadError,
    check_digest,
    check_field,
    check_schema,
    encode,
    integer,
    text,
)
from .weights import MAX_VERSION, MAX_WEIGHTS_BYTES

DESCRIPTOR_SCHEMA = "pamiq_ros/weights_slot/1"
REQUEST_SCHEMA = "pamiq_ros/weights_request/1"

ANYBODY = "anybody"
"""As a request's source: whose weights there are."""

MARK_BYTES = 64
"""What precedes a slot's payload; the mark is its first 16 bytes."""

_MARK = struct.Struct("<QQ")
_FILE = re.compile(r"pamiq_ros-\d{1,10}-[0-9a-f]{8,64}")
_MAX_OFFSET = 2**48


@dataclass(frozen=True)
class SlotDescriptor:
    """Where one version of weights lies.

    Attributes:
        digest: Digest of the configuration the learner runs.
        source: Name of the process that learned.
        version: Which version.
        host: Which running system the file is of: the kernel's boot id.
        file: The file's name in the folder for shared memory.
        offset: Where in it the slot begins, in bytes.
        size: Bytes of the payload, which follows `MARK_BYTES` of mark.
    """

    digest: str
    source: str
    version: int
    host: str
    file: str
    offset: int
    size: int


@dataclass(frozen=True)
class WeightsRequest:
    """What a receiver that can't read the slots asks for: the newest weights in chunks.

    Attributes:
        digest: Digest of the receiver's configuration.
        source: Whose weights, or `ANYBODY`.
        version: The version it could not read, 1 if none was announced to it.
        reason: Why not, in a few words.
    """

    digest: str
    source: str
    version: int
    reason: str


def mark(begun: int, done: int) -> bytes:
    """The first bytes of a slot in which version `begun` was begun and `done` was done."""
    return _MARK.pack(begun, done)


def read_mark(data: bytes) -> tuple[int, int]:
    """The versions begun and done in a slot; zeros when `data` is cut off."""
    return _MARK.unpack(data[: _MARK.size]) if len(data) >= _MARK.size else (0, 0)


def is_file_name(name: str) -> bool:
    """Whether a name is one that a learner gives to its shared memory."""
    return _FILE.fullmatch(name) is not None


def encode_descriptor(slot: SlotDescriptor) -> bytes:
    """Write a descriptor as a payload without tensors.

    Raises:
        ValueError: A text is empty or too long.
    """
    return _encode(DESCRIPTOR_SCHEMA, vars(slot))


def descriptor_of(payload: Payload, digest: str) -> SlotDescriptor:
    """The descriptor in a payload that has been decoded.

    Raises:
        DigestMismatch: It is of another configuration; names both digests.
        PayloadError: It is no descriptor; says why.
    """
    metadata = _checked(payload, DESCRIPTOR_SCHEMA, digest)
    file = text(metadata, "file")
    if not is_file_name(file):
        raise PayloadError(f"metadata 'file': expected a name of ours, found {file[:80]!r}")
    return SlotDescriptor(
        digest,
        text(metadata, "source"),
        integer(metadata, "version", 1, MAX_VERSION),
        text(metadata, "host"),
        file,
        integer(metadata, "offset", 0, _MAX_OFFSET),
        integer(metadata, "size", 1, MAX_WEIGHTS_BYTES),
    )


def encode_request(request: WeightsRequest) -> bytes:
    """Write a request as a payload without tensors.

    Raises:
        ValueError: A text is empty or too long.
    """
    return _encode(REQUEST_SCHEMA, vars(request))


def request_of(payload: Payload, digest: str) -> WeightsRequest:
    """The request in a payload that has been decoded.

    Raises:
        DigestMismatch: It is of another configuration; names both digests.
        PayloadError: It is no request; says why.
    """
    metadata = _checked(payload, REQUEST_SCHEMA, digest)
    return WeightsRequest(
        digest,
        text(metadata, "source"),
        integer(metadata, "version", 1, MAX_VERSION),
        text(metadata, "reason"),
    )


def _encode(schema: str, fields: Mapping[str, str | int]) -> bytes:
    return encode({}, {"schema": schema, **{k: check_field(k, str(v)) for k, v in fields.items()}})


def _checked(payload: Payload, schema: str, digest: str) -> dict[str, str]:
    check_schema(payload.metadata, schema)
    check_digest(payload.metadata, digest)
    if payload.tensors:
        raise PayloadError(f"tensors: expected none, found {len(payload.tensors)}")
    return payload.metadata
