"""What parameters of a plain inference model may be, and which may take their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ..data.batch import PYTHON_DTYPES, Constant, Form, Leaf, Node, difference, flatten
from .finite import NotFiniteError, is_finite
from .reader import TensorSpec


def is_exportable(value: Any) -> bool:
    """Whether a value is a step value: it can be sent to another process."""
    try:
        flatten(value)
    except (TypeError, ValueError):
        return False
    return True


def check_names(expected: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Check that there is a value for each name, and none besides.

    Raises:
        ValueError: Lists the names that are missing and unknown.
    """
    if expected.keys() != found.keys():
        missing = sorted(expected.keys() - found.keys())
        unknown = sorted(found.keys() - expected.keys())
        raise ValueError(f"parameters: missing {missing}, unknown {unknown}")


def check_finite(place: str, value: Any) -> None:
    """Check that a tensor, array or number has no NaN and no infinity.

    Raises:
        NotFiniteError: Names the place.
    """
    tensor = torch.as_tensor(np.ascontiguousarray(value)) if _is_numpy(value) else value
    is_tensor = isinstance(tensor, torch.Tensor)
    finite = is_finite(tensor) if is_tensor else bool(np.isfinite(tensor))
    if not finite:
        raise NotFiniteError(f"parameter {place}: expected finite values, found NaN or infinity")


def check_replacement(current: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Check that new parameters can take the place of the current ones.

    A text may become another, None anything, and a number another kind of number; tensors and
    arrays keep their shape and dtype.

    Raises:
        ValueError: Names the parameter, what was expected and what was found.
    """
    check_names(current, new)
    for name, value in new.items():
        for leaf in _fitting_values(name, current[name], value):
            check_finite(name, leaf)


def check_specs(current: Mapping[str, Any], new: Mapping[str, TensorSpec]) -> None:
    """The same for tensors of which only dtype and shape are known.

    Raises:
        ValueError: Names the parameter, what was expected and what was found.
    """
    check_names(current, new)
    for name, spec in new.items():
        shown = torch.empty(spec.shape, dtype=spec.dtype, device="meta")  # takes no memory
        _fitting_values(name, current[name], shown)


def _fitting_values(name: str, current: Any, new: Any) -> list[Any]:
    try:
        form, values = flatten(new, name)
    except TypeError as error:
        raise ValueError(f"parameter {error}") from error
    if text := _refusal(flatten(current, name)[0], form, name):
        raise ValueError(f"parameter {text}")
    return values


def _refusal(current: Form, new: Form, place: str) -> str:
    if isinstance(current, Constant):
        free = current.value is None or isinstance(new, Constant)
        return "" if free else difference(current, new, place)
    if isinstance(current, Node) and isinstance(new, Node) and str(current) == str(new):
        pairs = zip(current.items(), new.items(), strict=True)
        texts = (_refusal(mine, other, place + key) for (key, mine), (_, other) in pairs)
        return next((text for text in texts if text), "")
    numbers = isinstance(current, Leaf) and isinstance(new, Leaf) and _numbers(current, new)
    return "" if numbers else difference(current, new, place)


def _numbers(current: Leaf, new: Leaf) -> bool:
    return current.kind in PYTHON_DTYPES and new.kind in PYTHON_DTYPES


def _is_numpy(value: Any) -> bool:
    return isinstance(value, (np.ndarray, np.generic))
