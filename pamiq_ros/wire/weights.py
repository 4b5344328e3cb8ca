"""One version of a model's weights as a payload."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from pamiq_ros.core.data.batch import StepBatch
from pamiq_ros.core.signature import MAX_CHARACTERS

from .header import PayloadError
from .metadata import check_digest, check_field, check_schema, integer, text
from .payload import Buffer, Payload, decode, encode

SCHEMA = "pamiq_ros/weights/1"
MAX_WEIGHTS_BYTES = 4 * 2**30
"""A longer version is refused unread, and chunks of one before memory is taken."""

MAX_VERSION = 2**62

_FLAT, _NESTED = "flat", "nested"


@dataclass(frozen=True)
class Weights:
    """One version of a model's weights.

    Attributes:
        digest: Digest of the configuration the learner runs.
        source: Name of the process that learned, new at each of its starts.
        version: Counts the versions of one source, from 1.
        stamp: When they were handed over, in ns since the epoch.
        parameters: Tensors by name, or any nesting that a step may have.
    """

    digest: str
    source: str
    version: int
    stamp: int
    parameters: dict[str, Any]


def encode_weights(weights: Weights) -> bytes:
    """Write weights as a payload of schema `SCHEMA`.

    A flat mapping of tensors keeps its names, so that any safetensors reader shows a state_dict;
    another nesting travels as its signature and columns.

    Raises:
        TypeError: A parameter that cannot be written; names it.
        ValueError: A field is out of range.
    """
    for name, value, low in (("version", weights.version, 1), ("stamp", weights.stamp, 0)):
        if not low <= value <= MAX_VERSION:
            raise ValueError(f"{name}: expected {low} to {MAX_VERSION}, found {value}")
    metadata = {
        "schema": SCHEMA,
        "digest": check_field("digest", weights.digest),
        "source": check_field("source", weights.source),
        "version": str(weights.version),
        "stamp": str(weights.stamp),
        "layout": _FLAT,
    }
    if is_flat(weights.parameters):
        return encode(weights.parameters, metadata)
    batch = StepBatch.stack([weights.parameters])
    metadata["layout"] = _NESTED
    metadata["signature"] = check_field("signature", batch.signature, MAX_CHARACTERS)
    return encode({f"column.{i}": column for i, column in enumerate(batch.columns)}, metadata)


def largest_size(parameters: dict[str, Any], digest: str, source: str) -> int:
    """Bytes that no version of these parameters exceeds, whatever its number and stamp.

    Raises:
        TypeError: A parameter that cannot be written; names it.
    """
    return len(encode_weights(Weights(digest, source, MAX_VERSION, MAX_VERSION, parameters)))


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
    """The weights in a payload that has been decoded.

    Raises:
        DigestMismatch: They are of another configuration; names both digests.
        PayloadError: The payload is of another schema, or does not agree with itself.
    """
    metadata = payload.metadata
    check_schema(metadata, SCHEMA)
    found = text(metadata, "digest")
    check_digest(metadata, found if digest is None else digest)
    return Weights(
        found,
        text(metadata, "source"),
        integer(metadata, "version", 1, MAX_VERSION),
        integer(metadata, "stamp", 0, MAX_VERSION),
        _parameters(payload),
    )


def is_flat(parameters: Mapping[str, Any]) -> bool:
    """Whether this is a mapping of tensors alone, as a state_dict is."""
    return all(isinstance(value, Tensor) for value in parameters.values())


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
