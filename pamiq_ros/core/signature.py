"""Signatures: the form of a step as canonical JSON, and back, with every field checked."""

from __future__ import annotations

import functools
import json
from typing import Any

from .tree import DTYPES, MAX_DEPTH, PYTHON_DTYPES, Constant, Form, Leaf, Node, flatten

MAX_CHARACTERS = 1 << 18
_MAX_EXTENT = 1 << 48


def signature_of(step: Any) -> str:
    """The signature of a step.

    Raises:
        TypeError: The step holds something that is no step value; names the place.
    """
    return write_signature(flatten(step)[0])


@functools.lru_cache(maxsize=256)
def write_signature(form: Form) -> str:
    """A form as canonical JSON: sorted keys, no spaces."""
    return json.dumps(_encode(form), sort_keys=True, separators=(",", ":"))


@functools.lru_cache(maxsize=64)
def read_signature(signature: str) -> Form:
    """The form a signature describes.

    Args:
        signature: Text that may come from the network.

    Raises:
        ValueError: It is not a signature as `write_signature` writes it; names the place.
    """
    if len(signature) > MAX_CHARACTERS:
        raise ValueError(
            f"signature: expected at most {MAX_CHARACTERS} characters, found {len(signature)}"
        )
    try:
        form = _decode(json.loads(signature), "step", 0)
    except RecursionError:
        raise ValueError("signature: nested too deeply") from None
    if write_signature(form) != signature:
        raise ValueError("signature: expected canonical JSON")
    return form


def _encode(form: Form) -> dict[str, Any]:
    if isinstance(form, Leaf):
        return {"kind": form.kind, "dtype": form.dtype, "shape": list(form.shape)}
    if isinstance(form, Constant):
        return {"kind": "constant", "value": form.value}
    children = [_encode(child) for child in form.children]
    items = dict(zip(form.keys, children, strict=True)) if form.kind == "dict" else children
    return {"kind": form.kind, "items": items}


def _decode(data: Any, place: str, depth: int) -> Form:
    if depth > MAX_DEPTH:
        raise ValueError(f"signature at {place}: nested deeper than {MAX_DEPTH}")
    if not isinstance(data, dict):
        raise ValueError(f"signature at {place}: expected an object, found {_short(data)}")
    kind, items, value = data.get("kind"), data.get("items"), data.get("value")
    if kind == "dict" and isinstance(items, dict):
        keys = tuple(sorted(items))
        children = (_decode(items[key], f"{place}[{key!r}]", depth + 1) for key in keys)
        return Node("dict", keys, tuple(children))
    if kind in ("list", "tuple") and isinstance(items, list):
        children = (_decode(item, f"{place}[{i}]", depth + 1) for i, item in enumerate(items))
        return Node(kind, (), tuple(children))
    if kind == "constant" and (value is None or isinstance(value, str)):
        return Constant(value)
    return _decode_leaf(data, place)


def _decode_leaf(data: dict[str, Any], place: str) -> Leaf:
    kind, dtype, shape = data.get("kind"), data.get("dtype"), data.get("shape")
    if isinstance(kind, str) and kind in PYTHON_DTYPES:
        if dtype == PYTHON_DTYPES[kind] and shape == []:
            return Leaf(kind, dtype, ())
    elif kind in ("tensor", "ndarray") and isinstance(dtype, str) and dtype in DTYPES:
        in_range = isinstance(shape, list) and all(
            type(extent) is int and 0 <= extent < _MAX_EXTENT for extent in shape
        )
        if in_range and not (kind == "ndarray" and dtype == "bfloat16"):
            return Leaf(kind, dtype, tuple(shape or ()))
    raise ValueError(
        f"signature at {place}: expected a container, a constant, or a leaf with kind, dtype and "
        f"shape, found {_short(data)}"
    )


def _short(data: Any) -> str:
    text = repr(data)
    return text if len(text) <= 80 else text[:77] + "..."
