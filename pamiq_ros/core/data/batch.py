"""StepBatch: N steps of one form as columns, one contiguous tensor per leaf."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..signature import read_signature, signature_of, write_signature
from ..tree import (
    DTYPES,
    PYTHON_DTYPES,
    Form,
    Leaf,
    difference,
    flatten,
    leaves,
    unflatten,
    values_of,
)

__all__ = ["StepBatch", "signature_of"]


class StepBatch:
    """Steps of one form, columnar.

    Attributes:
        signature: The form of one step as canonical JSON; see `pamiq_ros.core.tree`.
        columns: One tensor [N, *shape] per leaf of the form, on the CPU and contiguous.
    """

    def __init__(self, form: Form, columns: Sequence[Tensor]) -> None:
        """Take columns that are known to fit; `stack` and `from_columns` see to that."""
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
        """Where in a step each column is, as `action.speeds[0]`; empty for a step alone."""
        return list(_places(self.stacked(), ""))

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
        """The signature a batch of steps like this one has; see `signature_of`."""
        return signature_of(step)

    @staticmethod
    def stack(steps: Sequence[Any]) -> StepBatch:
        """Copy steps of one form into columns.

        Args:
            steps: At least one step; tensors of any device, gradients are dropped.

        Raises:
            TypeError: A step holds something that is no step value; names the place.
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
        """Take columns from outside, all checked.

        Args:
            signature: The form of one step.
            columns: One tensor [N, *shape] per leaf.

        Raises:
            ValueError: The signature is malformed, or the columns are not those it describes.
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
        """One step in its nesting; tensors and arrays are views of the columns.

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
        """The nesting of one step with a tensor [N, *shape] in place of each leaf."""
        return unflatten(self._form, self.columns)

    def __getitem__(self, part: slice) -> StepBatch:
        return StepBatch(self._form, [column[part].contiguous() for column in self.columns])


def make_column(leaf: Leaf, values: Sequence[Any]) -> Tensor:
    """Values of one leaf as a tensor [N, *shape] on the CPU."""
    # Inside of inference mode the column would be unusable for training later.
    with torch.inference_mode(False):
        column = torch.empty((len(values), *leaf.shape), dtype=DTYPES[leaf.dtype])
        fill_column(leaf, values, column)
    return column


def fill_column(leaf: Leaf, values: Sequence[Any], column: Tensor) -> None:
    """Copy values of one leaf into a tensor [N, *shape] on the CPU, the interpreter lock released.

    Args:
        leaf: What each value is.
        values: N values of it, tensors of any device.
        column: Where to.
    """
    if leaf.kind in PYTHON_DTYPES:
        column.numpy()[:] = values
    elif leaf.kind == "ndarray":
        # The dtype also turns arrays of the other byte order.
        arrays = [np.asarray(value, dtype=leaf.dtype) for value in values]
        np.stack(arrays, out=column.numpy())
    elif len(values) == 1:
        column[0].copy_(values[0].detach())
    else:
        with torch.no_grad():
            torch.stack([value.cpu() for value in values], out=column)


def read_row(leaf: Leaf, row: Tensor) -> Any:
    """One value of a leaf as it was collected, from its row [*shape] of a column."""
    if leaf.kind == "tensor":
        return row
    if leaf.kind == "ndarray":
        return row.numpy()[()]  # a numpy scalar if it has no dimension
    return row.item()


def _places(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _places(part, f"{place}.{key}" if place else str(key))
    elif isinstance(value, (list, tuple)):
        for index, part in enumerate(value):
            yield from _places(part, f"{place}[{index}]")
    else:
        yield place


def _require_leaves(form: Form) -> None:
    if not leaves(form):
        raise ValueError(f"step: expected at least one number, array or tensor, found {form}")
