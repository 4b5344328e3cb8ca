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

"""Parameters of models: their specs, whether they are finite, and which may replace which."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..data.batch import (
    PYTHON_DTYPES,
    Constant,
    Form,
    Leaf,
    Node,
    difference,
    flatten,
    named_values,
)

BLOCK_BYTES = 2**19
"""Bytes checked by one call: they fit into the cache of one core, and the calls are few."""


class NotFiniteError(ValueError):
    """Weights have a NaN or an infinity: their training has diverged."""


class StaleParameters(Exception):
    """The parameters were written over or vanished before they were read whole."""


@dataclass(frozen=True)
class TensorSpec:
    """Dtype and shape of a tensor.

    Attributes:
        dtype: Type of its elements.
        shape: Its shape; empty for a scalar.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]

    @classmethod
    def of(cls, tensor: Tensor) -> TensorSpec:
        """Return the spec of a tensor."""
        return cls(tensor.dtype, tuple(tensor.shape))

    def __str__(self) -> str:
        """As in `float32 [3, 4]`."""
        return f"{str(self.dtype).removeprefix('torch.')} {list(self.shape)}"


class ParameterReader(Protocol):
    """Reads the parameters of one version where another process may write over them meanwhile."""

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """The spec of each tensor, by its name in `export_parameters()`."""

    def read(self, name: str, into: Tensor) -> None:
        """Copy one tensor, without the interpreter lock.

        Args:
            name: Its name.
            into: Filled; on the CPU, contiguous, of the dtype and shape in `specs`.

        Raises:
            ValueError: It is not finite; names the tensor.
            StaleParameters: It cannot be read whole any more.
        """

    def check(self) -> None:
        """Check that everything read is of this version; called after the last read.

        Raises:
            StaleParameters: It was written over while it was read.
        """


def is_finite(tensor: Tensor) -> bool:
    """Whether a tensor has no NaN and no infinity.

    One pass without a mask in memory; the interpreter lock is released during each block.

    Args:
        tensor: Of any shape, dtype and device.
    """
    tensor = tensor.detach()
    if not _may_be_infinite(tensor):
        return True
    if not _in_blocks(tensor):
        return tensor.numel() == 0 or block_is_finite(tensor)
    return all(block_is_finite(block) for block in _blocks(tensor))


def copy_finite(source: Tensor, into: Tensor) -> bool:
    """Copy a tensor, and check each block of the copy while it is in cache.

    The copy is checked, not the source, which may change meanwhile.

    Args:
        source: What to copy.
        into: Filled; of the same shape and dtype.

    Returns:
        Whether the copy has no NaN and no infinity; False: `into` may not be filled to its end.
    """
    source, into = source.detach(), into.detach()
    if not (_may_be_infinite(into) and _in_blocks(into) and _in_blocks(source)):
        into.copy_(source)
        return is_finite(into)
    for old, new in zip(_blocks(source), _blocks(into), strict=True):
        new.copy_(old)
        if not block_is_finite(new):
            return False
    return True


def _may_be_infinite(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _in_blocks(tensor: Tensor) -> bool:
    large = tensor.numel() * tensor.element_size() > BLOCK_BYTES
    return large and tensor.is_cpu and tensor.is_contiguous()


def _blocks(tensor: Tensor) -> Iterator[Tensor]:
    flat, length = tensor.view(-1), BLOCK_BYTES // tensor.element_size()
    return (flat[begin : begin + length] for begin in range(0, flat.numel(), length))


def block_is_finite(block: Tensor) -> bool:
    """Whether a contiguous block of floating point or complex numbers is finite, quickly."""
    if block.element_size() == 1:
        block = block.float()  # there is no arithmetic on eight bits
    # A sum is the quickest check: it is finite only if all values are. It may overflow though they
    # are, which is rare and checked exactly.
    if cmath.isfinite(block.sum().item()):
        return True
    real = torch.view_as_real(block.resolve_conj()) if block.is_complex() else block
    low, high = real.aminmax()  # both are NaN if any value is
    return math.isfinite(low.item()) and math.isfinite(high.item())


def not_finite(name: str) -> NotFiniteError:
    """Return the error for a parameter with a NaN or an infinity."""
    return NotFiniteError(f"parameter {name}: expected finite values, found NaN or infinity")


def non_finite(parameters: Mapping[str, Any]) -> str | None:
    """Return the path of the first value that is not finite, as in `net[0].w`; None if none is."""
    return next(
        (name for name, leaf in named_values(parameters) if not _leaf_is_finite(leaf)), None
    )


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


def check_replacement(current: Mapping[str, Any], new: Mapping[str, Any]) -> None:
    """Check that new parameters can take the place of the current ones.

    Text may be replaced by text, None by anything, and a number by any number. Tensors and arrays
    keep shape and dtype.

    Raises:
        ValueError: Names the parameter, what was expected and what was found.
    """
    check_names(current, new)
    for name, value in new.items():
        if not all(map(_leaf_is_finite, _fitting_values(name, current[name], value))):
            raise not_finite(name)


def check_specs(current: Mapping[str, Any], new: Mapping[str, TensorSpec]) -> None:
    """Check the same for tensors of which only the specs are known.

    Raises:
        ValueError: Names the parameter, what was expected and what was found.
    """
    check_names(current, new)
    for name, spec in new.items():
        shown = torch.empty(spec.shape, dtype=spec.dtype, device="meta")  # allocates nothing
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


def _leaf_is_finite(leaf: Any) -> bool:
    if isinstance(leaf, Tensor):
        return is_finite(leaf)
    if isinstance(leaf, (np.ndarray, np.generic)):
        return leaf.dtype.kind not in "fc" or bool(np.isfinite(leaf).all())
    return not isinstance(leaf, float) or math.isfinite(leaf)
