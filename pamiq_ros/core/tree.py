"""Trees: the form of a step (nesting, dtypes, shapes), apart from its values.

A step is any nesting of dict (text keys), list and tuple whose leaves are torch tensors, numpy
arrays or scalars, float, int or bool. Text and None are part of the form: they are constants.
Two steps of one form can lie in the same columns; the form as canonical JSON is the signature.
The keys of a dict are sorted, so the order in which a dict was filled makes no difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

_SIZED = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
_FLOATING = ("float16", "bfloat16", "float32", "float64", "complex64")
DTYPES: dict[str, torch.dtype] = {
    name: getattr(torch, name) for name in ("bool", *_SIZED, *_FLOATING)
}
PYTHON_DTYPES = {"float": "float64", "int": "int64", "bool": "bool"}
MAX_DEPTH = 32
_CONTAINERS = {"dict": dict, "list": list, "tuple": tuple}
_ABSENT = object()


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
    """A text or None: the same in every step of a form."""

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
        """The place of each child as it is written in Python, and its form."""
        for index, child in enumerate(self.children):
            yield (f"[{self.keys[index]!r}]" if self.kind == "dict" else f"[{index}]"), child


Form = Leaf | Constant | Node


def flatten(tree: Any, place: str = "step") -> tuple[Form, list[Any]]:
    """Take a step apart.

    Args:
        tree: The step.
        place: What to call it in errors.

    Returns:
        Its form and its leaves, in the order of the form.

    Raises:
        TypeError: Something in it is neither a container nor a value listed above; names where.
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
    """Put values back into their nesting, in the order `flatten` gave them."""
    return _build(form, iter(values))


def leaves(form: Form) -> list[Leaf]:
    """The leaves of a form, in order."""
    if isinstance(form, Leaf):
        return [form]
    if isinstance(form, Node):
        return [leaf for child in form.children for leaf in leaves(child)]
    return []


def difference(expected: Form, found: Form, place: str = "step") -> str:
    """Where two forms first differ, as text; empty when they are equal."""
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
    if isinstance(value, torch.Tensor):
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
