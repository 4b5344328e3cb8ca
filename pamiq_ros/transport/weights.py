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

"""Payloads about weights: a whole version, a descriptor of one in shared memory, a request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pamiq_ros.core.data.batch import MAX_CHARACTERS, StepBatch

from .payload import (
    Buffer,
    Layout,
    Payload,
    PayloadError,
    check_digest,
    check_field,
    check_schema,
    decode,
    encode,
    integer,
    layout_of,
    text,
)
from .versions import MAX_VERSION

SCHEMA = "pamiq_ros/weights/1"
DESCRIPTOR_SCHEMA = "pamiq_ros/weights_slot/2"
REQUEST_SCHEMA = "pamiq_ros/weights_request/1"

MAX_WEIGHTS_BYTES = 4 * 2**30
"""A longer version is refused unread, and chunks of one before memory is allocated."""

MAX_STAMP = 2**62

ANYBODY = "anybody"
"""As a request's source: whichever learner publishes."""

_FLAT, _NESTED = "flat", "nested"
_FILE = re.compile(r"pamiq_ros-\d{1,10}-[0-9a-f]{8,64}")
_MAX_OFFSET = 2**48


@dataclass(frozen=True)
class Weights:
    """One version of a model's weights.

    Attributes:
        digest: Digest of the learner's configuration.
        source: Name of the learner's process, new at each of its starts.
        version: Counts the versions of one source, from 1.
        stamp: When the trainer sent them, in ns since the epoch.
        parameters: Tensors by name, or any nesting that a step may have.
    """

    digest: str
    source: str
    version: int
    stamp: int
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Descriptor:
    """Where one version of weights is in shared memory.

    Attributes:
        digest: Digest of the learner's configuration.
        source: Name of the learner's process.
        version: Which version.
        host: Boot id of the running system that has the file.
        file: The file's name in the folder for shared memory.
        offset: Where in the file the payload begins, in bytes.
        size: Bytes of the payload.
    """

    digest: str
    source: str
    version: int
    host: str
    file: str
    offset: int
    size: int


@dataclass(frozen=True)
class Request:
    """A receiver that cannot read the shared memory requests the newest weights in chunks.

    Attributes:
        digest: Digest of the receiver's configuration.
        source: Whose weights, or `ANYBODY`.
        version: The version that it could not read; 1 if none was announced to it.
        reason: Why not, in a few words.
    """

    digest: str
    source: str
    version: int
    reason: str


def encode_weights(weights: Weights) -> bytes:
    """Write weights as a payload of schema `SCHEMA`.

    A flat mapping of tensors keeps its names, so that any safetensors reader shows a state_dict;
    another nesting travels as its signature and columns.

    Raises:
        TypeError: A parameter that cannot be written; names it.
        ValueError: A field is out of range.
    """
    tensors, form = tensors_of(weights.parameters)
    return encode(
        tensors,
        weights_metadata(weights.digest, weights.source, weights.version, weights.stamp, form),
    )


def tensors_of(parameters: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return parameters as tensors by name, and the metadata that describes their nesting.

    Raises:
        TypeError: A parameter that cannot be written; names it.
        ValueError: Their signature is too long.
    """
    if is_flat(parameters):
        return dict(parameters), {"layout": _FLAT}
    batch = StepBatch.stack([parameters])
    signature = check_field("signature", batch.signature, MAX_CHARACTERS)
    columns = {f"column.{i}": column for i, column in enumerate(batch.columns)}
    return columns, {"layout": _NESTED, "signature": signature}


def weights_metadata(
    digest: str, source: str, version: int, stamp: int, form: Mapping[str, str]
) -> dict[str, str]:
    """Return the metadata of weights; `form` is what `tensors_of` returned.

    Raises:
        ValueError: A field is out of range.
    """
    for name, value, low, high in (
        ("version", version, 1, MAX_VERSION),
        ("stamp", stamp, 0, MAX_STAMP),
    ):
        if not low <= value <= high:
            raise ValueError(f"{name}: expected {low} to {high}, found {value}")
    return {
        "schema": SCHEMA,
        "digest": check_field("digest", digest),
        "source": check_field("source", source),
        "version": str(version),
        "stamp": str(stamp),
        **form,
    }


def weights_layout(
    tensors: Mapping[str, Tensor], form: Mapping[str, str], digest: str, source: str
) -> Layout:
    """Return the layout of every version of weights whose tensors have these specs.

    Args:
        tensors: What `tensors_of` returned.
        form: The metadata that it returned.
        digest: The digest that will be in the weights.
        source: The source that will be in them.

    Raises:
        TypeError: A tensor that cannot be written; names it.
        ValueError: A reserved name, or too long a header.
    """
    return layout_of(tensors, weights_metadata(digest, source, MAX_VERSION, MAX_STAMP, form))


def decode_weights(
    data: Buffer, digest: str | None = None, max_bytes: int = MAX_WEIGHTS_BYTES
) -> Weights:
    """Read weights. Their tensors are views of `data` where `data` is writable.

    Args:
        data: The payload.
        digest: When given, weights of another configuration are refused.
        max_bytes: Longer payloads are refused unread.

    Raises:
        DigestMismatch: They are of another configuration; names both digests.
        PayloadError: `data` is not such a payload; says why.
    """
    return weights_of(decode(data, max_bytes), digest)


def weights_of(payload: Payload, digest: str | None = None) -> Weights:
    """Return the weights in a decoded payload. Raises what `decode_weights` raises."""
    metadata = payload.metadata
    check_schema(metadata, SCHEMA)
    found = text(metadata, "digest")
    check_digest(metadata, found if digest is None else digest)
    return Weights(
        found,
        text(metadata, "source"),
        integer(metadata, "version", 1, MAX_VERSION),
        integer(metadata, "stamp", 0, MAX_STAMP),
        _parameters(payload),
    )


def is_flat(parameters: Mapping[str, Any]) -> bool:
    """Whether this is a mapping of tensors alone, as a state_dict is."""
    return all(isinstance(value, Tensor) for value in parameters.values())


def is_nested(metadata: Mapping[str, str]) -> bool:
    """Whether the parameters are nested: `weights_of` puts them together from columns."""
    return metadata.get("layout") != _FLAT


def is_file_name(name: str) -> bool:
    """Whether a name is one that a learner gives to its shared memory."""
    return _FILE.fullmatch(name) is not None


def encode_descriptor(descriptor: Descriptor) -> bytes:
    """Write a descriptor as a payload without tensors.

    Raises:
        ValueError: A text is empty or too long.
    """
    return _encode_fields(DESCRIPTOR_SCHEMA, descriptor)


def descriptor_of(payload: Payload, digest: str) -> Descriptor:
    """Return the descriptor in a decoded payload.

    Raises:
        DigestMismatch: It is of another configuration; names both digests.
        PayloadError: It is not a descriptor; says why.
    """
    metadata = _fields(payload, DESCRIPTOR_SCHEMA, digest)
    file = text(metadata, "file")
    if not is_file_name(file):
        raise PayloadError(f"metadata 'file': expected a learner's file name, found {file[:80]!r}")
    return Descriptor(
        digest,
        text(metadata, "source"),
        integer(metadata, "version", 1, MAX_VERSION),
        text(metadata, "host"),
        file,
        integer(metadata, "offset", 0, _MAX_OFFSET),
        integer(metadata, "size", 1, MAX_WEIGHTS_BYTES),
    )


def encode_request(request: Request) -> bytes:
    """Write a request as a payload without tensors.

    Raises:
        ValueError: A text is empty or too long.
    """
    return _encode_fields(REQUEST_SCHEMA, request)


def request_of(payload: Payload, digest: str) -> Request:
    """Return the request in a decoded payload.

    Raises:
        DigestMismatch: It is of another configuration; names both digests.
        PayloadError: It is not a request; says why.
    """
    metadata = _fields(payload, REQUEST_SCHEMA, digest)
    return Request(
        digest,
        text(metadata, "source"),
        integer(metadata, "version", 1, MAX_VERSION),
        text(metadata, "reason"),
    )


def _encode_fields(schema: str, message: Descriptor | Request) -> bytes:
    fields = {key: check_field(key, str(value)) for key, value in vars(message).items()}
    return encode({}, {"schema": schema, **fields})


def _fields(payload: Payload, schema: str, digest: str) -> dict[str, str]:
    check_schema(payload.metadata, schema)
    check_digest(payload.metadata, digest)
    if payload.tensors:
        raise PayloadError(f"tensors: expected none, found {len(payload.tensors)}")
    return payload.metadata


def _parameters(payload: Payload) -> dict[str, Any]:
    layout = text(payload.metadata, "layout")
    if layout == _FLAT:
        return payload.tensors
    if layout != _NESTED:
        raise PayloadError(f"metadata 'layout': expected flat or nested, found {layout[:40]!r}")
    names = [f"column.{i}" for i in range(len(payload.tensors))]
    if payload.tensors.keys() != set(names):
        raise PayloadError(f"tensors: expected {len(names)} columns, found other names")
    signature = text(payload.metadata, "signature", MAX_CHARACTERS)
    try:
        batch = StepBatch.from_columns(signature, [payload.tensors[name] for name in names])
        if len(batch) != 1:
            raise PayloadError(f"columns: expected one row, found {len(batch)}")
        parameters = batch.step(0)
    except ValueError as error:
        raise PayloadError(str(error)[:400]) from None
    if not isinstance(parameters, dict):
        raise PayloadError(f"signature: expected a dict, found {type(parameters).__name__}")
    return parameters
