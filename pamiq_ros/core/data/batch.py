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

"""Steps as data: the form of a step, and batches of steps as columns.

A step is any nesting of dict (text keys), list and tuple whose leaves are torch tensors, numpy
arrays or scalars, float, int or bool. Its form is the nesting with the dtypes and shapes. Text and
None are constants and belong to the form. The keys of a dict are sorted, so the order in which a
dict was filled makes no difference. The form as canonical JSON is the signature. Steps of one form
are stacked into the columns of a `StepBatch`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

_SIZED = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
_FLOATING = ("float16", "bfloat16", "float32", "float64", "complex64")
DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name) for name in ("bool", *_SIZED, *_FLOATING)
}
PYTHON_DTYPES = {"float": "float64", "int": "int64", "bool": "bool"}
MAX_DEPTH = 32
"""Deepest nesting of a step."""

_CONTAINERS = {"dict": dict, "list": list, "tuple": tuple}
_ABSENT = object()

MAX_CHARACTERS = 1 << 18
"""Longest signature."""

_MAX_EXTENT = 1 << 48


@dataclass(frozen=True)
class Leaf:
    """One value of a step.

    Attributes:
        kind: 'tensor', 'ndarray' (numpy scalars have shape ()), 'float', 'int' or 'bool'.
        dtype: Name of the dtype, a key of `DTYPES`.
        shape: Shape of the value in one step.
    """

    kind: str
    dtype: str
    shape: tuple[int, ...]

    def __str__(self) -> str:
        return self.kind if self.kind in PYTHON_DTYPES else f"{self.dtype} {list(self.shape)}"


@dataclass(frozen=True)
class Constant:
    """A text or None, equal in all steps of a form."""

    value: str | None

    def __str__(self) -> str:
        return repr(self.value)


@dataclass(frozen=True)
class Node:
    """A dict, list or tuple.

    Attributes:
        kind: 'dict', 'list' or 'tuple'.
        keys: Sorted keys of a dict; empty otherwise.
        children: Forms of the items.
    """

    kind: str
    keys: tuple[str, ...]
    children: tuple[Form, ...]

    def __str__(self) -> str:
        if self.kind == "dict":
            return f"dict with keys {list(self.keys)}"
        return f"{self.kind} of {len(self.children)}"

    def items(self) -> Iterator[tuple[str, Form]]:
        """Yield the place of each child as it is written in Python, and its form."""
        for index, child in enumerate(self.children):
            yield (f"[{self.keys[index]!r}]" if self.kind == "dict" else f"[{index}]"), child


Form = Leaf | Constant | Node


def flatten(tree: Any, place: str = "step") -> tuple[Form, list[Any]]:
    """Split a step into its form and its leaves.

    Args:
        tree: The step.
        place: Its name in errors.

    Returns:
        The form and the leaves, in the order of the form.

    Raises:
        TypeError: A part is neither a container nor a supported value; names the place.
        ValueError: It is nested deeper than `MAX_DEPTH`, or an int does not fit into 64 bits.
    """
    values: list[Any] = []
    return _form(tree, place, values, 0), values


def values_of(form: Form, step: Any) -> list[Any] | None:
    """Return the leaves of a step if it has a form that is known; a fifth of `flatten`'s time.

    Returns:
        The leaves in the order of the form; None if the step is of another form, and also if it has
        arrays or instances of subclasses, which only `flatten` compares.
    """
    values: list[Any] = []
    return values if _has_form(form, step, values) else None


def unflatten(form: Form, values: Sequence[Any]) -> Any:
    """Return the step with this form and these leaves, in the order of `flatten`."""
    return _build(form, iter(values))


def leaves(form: Form) -> list[Leaf]:
    """Return the leaves of a form, in order."""
    if isinstance(form, Leaf):
        return [form]
    if isinstance(form, Node):
        return [leaf for child in form.children for leaf in leaves(child)]
    return []


def difference(expected: Form, found: Form, place: str = "step") -> str:
    """Return where two forms first differ, as text; empty if they are equal."""
    if expected == found:
        return ""
    alike = isinstance(expected, Node) and isinstance(found, Node)
    if alike and str(expected) == str(found):
        assert isinstance(expected, Node) and isinstance(found, Node)
        pairs = zip(expected.items(), found.items(), strict=True)
        return next(
            text
            for (key, mine), (_, other) in pairs
            if (text := difference(mine, other, place + key))
        )
    if isinstance(expected, Leaf) and isinstance(found, Leaf) and str(expected) == str(found):
        return f"{place}: expected a {expected.kind}, found a {found.kind}"
    return f"{place}: expected {expected}, found {found}"


def _form(tree: Any, place: str, values: list[Any], depth: int) -> Form:
    if depth > MAX_DEPTH:
        raise ValueError(f"{place}: nested deeper than {MAX_DEPTH}")
    if tree is None or isinstance(tree, str):
        return Constant(tree)
    leaf = _leaf(tree, place)
    if leaf is not None:
        values.append(tree)
        return leaf
    if isinstance(tree, Mapping):
        if not all(isinstance(key, str) for key in tree):
            raise TypeError(f"{place}: expected text keys, found {list(tree)!r}")
        keys = tuple(sorted(tree))
        return Node(
            "dict",
            keys,
            tuple(_form(tree[key], f"{place}[{key!r}]", values, depth + 1) for key in keys),
        )
    if type(tree) in (list, tuple):
        children = (_form(c, f"{place}[{i}]", values, depth + 1) for i, c in enumerate(tree))
        return Node(type(tree).__name__, (), tuple(children))
    raise TypeError(
        f"{place}: expected a tensor, numpy array, number, text, None, or a dict, list or tuple "
        f"of those, found {type(tree).__name__}"
    )


def _leaf(value: Any, place: str) -> Leaf | None:
    if isinstance(value, Tensor):
        dtype = str(value.dtype).removeprefix("torch.")
        if dtype not in DTYPES or value.layout != torch.strided:
            raise TypeError(f"{place}: tensors of {dtype} ({value.layout}) are not supported")
        return Leaf("tensor", dtype, tuple(value.shape))
    if isinstance(value, (np.ndarray, np.generic)):
        # numpy's bfloat16 is an extension type; from_numpy refuses it.
        if value.dtype.name not in DTYPES or value.dtype.name == "bfloat16":
            raise TypeError(f"{place}: numpy arrays of {value.dtype} are not supported")
        return Leaf("ndarray", value.dtype.name, tuple(value.shape))
    if isinstance(value, bool):
        return Leaf("bool", "bool", ())
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"{place}: expected an int of 64 bits, found {value}")
        return Leaf("int", "int64", ())
    return Leaf("float", "float64", ()) if isinstance(value, float) else None


def _has_form(form: Form, tree: Any, values: list[Any]) -> bool:
    """Append the leaves of `tree` to `values`; return False if it may be of another form."""
    if isinstance(form, Leaf):
        values.append(tree)
        return _has_leaf_form(form, tree)
    if isinstance(form, Constant):
        return type(tree) is type(form.value) and bool(tree == form.value)
    if type(tree) is not _CONTAINERS[form.kind] or len(tree) != len(form.children):
        return False
    parts = [tree.get(key, _ABSENT) for key in form.keys] if form.kind == "dict" else tree
    for child, part in zip(form.children, parts, strict=True):
        if not _has_form(child, part, values):
            return False
    return True


def _has_leaf_form(leaf: Leaf, value: Any) -> bool:
    kind = type(value)
    if kind is torch.Tensor:
        is_strided = value.layout is torch.strided
        fits = value.shape == leaf.shape and value.dtype is DTYPES[leaf.dtype]
        return leaf.kind == "tensor" and fits and is_strided
    if kind is int:
        return leaf.kind == "int" and -(2**63) <= value < 2**63
    return kind in (float, bool) and leaf.kind == kind.__name__


def _build(form: Form, values: Iterator[Any]) -> Any:
    if isinstance(form, Leaf):
        return next(values)
    if isinstance(form, Constant):
        return form.value
    children = [_build(child, values) for child in form.children]
    if form.kind == "dict":
        return dict(zip(form.keys, children, strict=True))
    return tuple(children) if form.kind == "tuple" else children


def signature_of(step: Any) -> str:
    """Return the signature of a step.

    Raises:
        TypeError: A part of the step is not a supported value; names the place.
    """
    return write_signature(flatten(step)[0])


@functools.lru_cache(maxsize=256)
def write_signature(form: Form) -> str:
    """Return a form as canonical JSON: sorted keys, no spaces."""
    return json.dumps(_encode(form), sort_keys=True, separators=(",", ":"))


@functools.lru_cache(maxsize=64)
def read_signature(signature: str) -> Form:
    """Return the form that a signature describes.

    Args:
        signature: Text, possibly received from the network.

    Raises:
        ValueError: It differs from what `write_signature` writes; names the place.
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


class StepBatch:
    """Steps of one form as columns: one contiguous tensor per leaf.

    Attributes:
        signature: The form of one step as canonical JSON; see `pamiq_ros.core.data.batch`.
        columns: One tensor [N, *shape] per leaf of the form, on the CPU and contiguous.
    """

    def __init__(self, form: Form, columns: Sequence[Tensor]) -> None:
        """Use columns that fit the form; `stack` and `from_columns` guarantee it."""
        self._form = form
        self.columns = list(columns)

    @property
    def signature(self) -> str:
        """The form of one step as canonical JSON."""
        return write_signature(self._form)

    @property
    def form(self) -> Form:
        """The form of one step."""
        return self._form

    @property
    def names(self) -> list[str]:
        """The place of each column in a step, as `action.speeds[0]`; empty for a single value."""
        return [place for place, _ in named_values(self.stacked())]

    @property
    def nbytes(self) -> int:
        """Bytes of all columns together."""
        return sum(column.nbytes for column in self.columns)

    def __len__(self) -> int:
        return len(self.columns[0])

    def __repr__(self) -> str:
        return f"StepBatch(len={len(self)}, signature={self.signature!r})"

    @staticmethod
    def signature_of(step: Any) -> str:
        """Return the signature of a batch of steps like this one; see `signature_of`."""
        return signature_of(step)

    @staticmethod
    def stack(steps: Sequence[Any]) -> StepBatch:
        """Copy steps of one form into columns.

        Args:
            steps: At least one step; tensors on any device, gradients are dropped.

        Raises:
            TypeError: A part of a step is not a supported value; names the place.
            ValueError: No steps, no values in them, or steps that differ; names the place.
        """
        if len(steps) == 0:
            raise ValueError("steps: expected at least one")
        form, first = flatten(steps[0])
        rows = [first]
        for step in steps[1:]:
            values = values_of(form, step)
            if values is None:
                other, values = flatten(step)
                if other != form:
                    raise ValueError(f"steps differ: {difference(form, other)}")
            rows.append(values)
        _require_leaves(form)
        columns = [
            make_column(leaf, [row[i] for row in rows]) for i, leaf in enumerate(leaves(form))
        ]
        return StepBatch(form, columns)

    @staticmethod
    def from_columns(signature: str, columns: Sequence[Tensor]) -> StepBatch:
        """Return a batch of columns from outside, after checking them.

        Args:
            signature: The form of one step.
            columns: One tensor [N, *shape] per leaf.

        Raises:
            ValueError: The signature is malformed, or the columns do not fit it.
        """
        form = read_signature(signature)
        _require_leaves(form)
        expected = leaves(form)
        if len(columns) != len(expected):
            raise ValueError(f"columns: expected {len(expected)}, found {len(columns)}")
        for index, (leaf, column) in enumerate(zip(expected, columns, strict=True)):
            if column.dim() == 0 or len(column) != len(columns[0]):
                raise ValueError(
                    f"columns[{index}]: expected as many steps as in columns[0], "
                    f"found shapes {list(column.shape)} and {list(columns[0].shape)}"
                )
            if column.dtype != DTYPES[leaf.dtype] or tuple(column.shape[1:]) != leaf.shape:
                found = f"{str(column.dtype).removeprefix('torch.')} {list(column.shape)}"
                raise ValueError(
                    f"columns[{index}]: expected {leaf.dtype} [N, "
                    f"{', '.join(map(str, leaf.shape))}], found {found}"
                )
        return StepBatch(form, [column.detach().cpu().contiguous() for column in columns])

    def step(self, index: int) -> Any:
        """Return one step; its tensors and arrays are views of the columns.

        Raises:
            IndexError: There is no such step.
        """
        if not -len(self) <= index < len(self):
            raise IndexError(f"step {index} of a batch of {len(self)}")
        values = [
            read_row(leaf, column[index])
            for leaf, column in zip(leaves(self._form), self.columns, strict=True)
        ]
        return unflatten(self._form, values)

    def stacked(self) -> Any:
        """Return the nesting of one step with a tensor [N, *shape] in place of each leaf."""
        return unflatten(self._form, self.columns)

    def __getitem__(self, part: slice) -> StepBatch:
        return StepBatch(self._form, [column[part].contiguous() for column in self.columns])


def make_column(leaf: Leaf, values: Sequence[Any]) -> Tensor:
    """Return values of one leaf as a tensor [N, *shape] on the CPU."""
    # A column created in inference mode could not be used for training.
    with torch.inference_mode(False):
        column = torch.empty((len(values), *leaf.shape), dtype=DTYPES[leaf.dtype])
        fill_column(leaf, values, column)
    return column


def fill_column(leaf: Leaf, values: Sequence[Any], column: Tensor) -> None:
    """Copy values of one leaf into a tensor [N, *shape] on the CPU, the interpreter lock released.

    Args:
        leaf: The leaf.
        values: N values, tensors on any device.
        column: The destination.
    """
    if leaf.kind in PYTHON_DTYPES:
        column.numpy()[:] = values
    elif leaf.kind == "ndarray":
        # The dtype also converts arrays of the other byte order.
        arrays = [np.asarray(value, dtype=leaf.dtype) for value in values]
        np.stack(arrays, out=column.numpy())
    elif len(values) == 1:
        column[0].copy_(values[0].detach())
    else:
        with torch.no_grad():
            torch.stack([value.cpu() for value in values], out=column)


def read_row(leaf: Leaf, row: Tensor) -> Any:
    """Return one value as it was collected, from its row [*shape] of a column."""
    if leaf.kind == "tensor":
        return row
    if leaf.kind == "ndarray":
        return row.numpy()[()]  # a numpy scalar if it has no dimensions
    return row.item()


def named_values(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values of a nesting with their places, as in `net[0].w`."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from named_values(part, f"{place}.{key}" if place else str(key))
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield from named_values(part, f"{place}[{index}]")
    else:
        yield place, value


def _require_leaves(form: Form) -> None:
    if not leaves(form):
        raise ValueError(f"step: expected at least one number, array or tensor, found {form}")
