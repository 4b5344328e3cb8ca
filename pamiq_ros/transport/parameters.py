"""Parameters that are being trained on: copied for sending, and checked to be numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor


def copy_parameters(value: Any) -> Any:
    """A copy on the CPU that shares no memory with `value`, in the same nesting."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, Mapping):
        return {key: copy_parameters(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [copy_parameters(inner) for inner in value]
    if isinstance(value, tuple):
        return tuple(copy_parameters(inner) for inner in value)
    return value


def non_finite(parameters: Mapping[str, Any]) -> str | None:
    """The name of the first parameter that holds a NaN or an infinity; None when there is none."""
    return next((name for name, leaf in _leaves(parameters, "") if not _is_finite(leaf)), None)


def _leaves(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, (list, tuple)):
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{name}[{index}]")
    else:
        yield name, value


def _is_finite(leaf: Any) -> bool:
    if isinstance(leaf, Tensor):
        numeric = leaf.is_floating_point() or leaf.is_complex()
        return not numeric or bool(torch.isfinite(leaf).all())
    if isinstance(leaf, (np.ndarray, np.generic)):
        return leaf.dtype.kind not in "fc" or bool(np.isfinite(leaf).all())
    return not isinstance(leaf, float) or math.isfinite(leaf)
