"""One version of a model's weights as a payload."""

from __future__ import annotations

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

SCHEMA = "pamiq_ros/weights/1"
MAX_WEIGHTS_BYTES = 4 * 2**30
"""A longer version is refused unread, and chunks of one before memory is taken."""

MAX_VERSION = 2**48
"""No learner comes so far: at a thousand versions a second it takes nine thousand years."""

MAX_STAMP = 2**62

MOST_LATE = 64
"""A version that is further behind the newest of its source than this did not come late. The newest
was not of this source, or the source began to number anew: who goes by it would refuse all that
follow."""

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
    tensors, form = tensors_of(weights.parameters)
    return encode(
        tensors,
        weights_metadata(weights.digest, weights.source, weights.version, weights.stamp, form),
    )


def tensors_of(parameters: Mapping[str, Any]) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors that parameters travel as, and the metadata that says how they are nested.

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
    """The metadata of weights, `form` being what `tensors_of` returned.

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
    """The layout for every version of weights whose tensors look like these.

    Args:
        tensors: What `tensors_of` returned, and `form` likewise.
        form: The metadata with the nesting.
        digest: The digest that will be in it.
        source: The source that will be in it.

    Raises:
        TypeError: A tensor that cannot be written; names it.
        ValueError: A reserved name, or a header longer than readers take.
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
        integer(metadata, "stamp", 0, MAX_STAMP),
        _parameters(payload),
    )


def is_late(version: int, newest: int) -> bool:
    """Whether a version is done when `newest` of the same source is.

    Args:
        version: From 1.
        newest: The newest so far; 0 for none.
    """
    return newest - MOST_LATE < version <= newest


def is_nested(metadata: Mapping[str, str]) -> bool:
    """Whether the parameters were no mapping of tensors alone, and have to be put together."""
    return metadata.get("layout") != _FLAT


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
