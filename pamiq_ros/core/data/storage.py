"""Memory for the steps of a buffer: preallocated columns, or a list of objects."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .batch import (
    DTYPES,
    Form,
    Leaf,
    StepBatch,
    difference,
    flatten,
    leaves,
    make_column,
    read_row,
    unflatten,
    write_signature,
)

BLOCK_BYTES = 32 * 2**20
"""Size of the files in which columns are saved; see `blocks.py`."""

_MEMINFO = Path("/proc/meminfo")


def available_memory() -> int:
    """Return how many bytes can be allocated without swapping."""
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def require_memory(needed: int, what: str) -> None:
    """Check that there is memory for something.

    Args:
        needed: Its size in bytes.
        what: Its name in the error.

    Raises:
        MemoryError: There is not; names the bytes needed and available.
    """
    available = available_memory()
    if needed > available:
        raise MemoryError(f"{what} needs {needed} bytes, {available} bytes are available")


# Larger rows are copied one by one, which costs less than a second copy of all of them.
_LARGE_ROW_BYTES = 4096
_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


class StepColumns:
    """Rows for steps of one form: a contiguous tensor [capacity, *shape] per leaf.

    Rows are 0 to capacity - 1; the buffer knows which of them are filled. Columns are saved in
    blocks of `block_rows` rows. The name of a block identifies its content: a block whose rows
    were written since it was saved has no name.

    Attributes:
        form: The form of the steps.
        tensors: The columns.
        block_rows: Rows per block.
        block_names: Names of the blocks that did not change since they were saved, by number.
    """

    def __init__(self, form: Form, capacity: int) -> None:
        """Allocate.

        Raises:
            MemoryError: The columns do not fit; names the bytes needed and available.
        """
        self.form = form
        self._leaves = leaves(form)
        self._row_bytes = sum(_leaf_bytes(leaf) for leaf in self._leaves)
        require_memory(capacity * self._row_bytes, f"a buffer of {capacity} steps")
        self.tensors = [
            torch.empty((capacity, *leaf.shape), dtype=DTYPES[leaf.dtype]) for leaf in self._leaves
        ]
        self.block_rows = min(capacity, max(1, BLOCK_BYTES // max(1, self._row_bytes)))
        self.block_names: dict[int, str] = {}

    @property
    def signature(self) -> str:
        """The form of the steps as text; see `StepBatch.from_columns`."""
        return write_signature(self.form)

    def write(self, row: int, step: Any) -> None:
        """Copy a step into a row.

        Raises:
            ValueError: The step has another form; names the difference.
        """
        form, values = flatten(step)
        self.require_form(form)
        self.block_names.pop(row // self.block_rows, None)
        for leaf, column, value in zip(self._leaves, self.tensors, values, strict=True):
            if leaf.kind == "tensor":
                value = value.detach()
            elif leaf.kind == "ndarray":
                value = make_column(leaf, [value])[0]
            column[row] = value

    def write_batch(self, rows: Tensor, batch: StepBatch, indices: Tensor) -> None:
        """Copy steps of a batch into rows.

        Args:
            rows: int64 [n], no row twice.
            batch: The batch.
            indices: int64 [n], the steps of the batch to copy.

        Raises:
            ValueError: The batch has another form; names the difference.
        """
        self.require_form(batch.form)
        for block in set((rows // self.block_rows).tolist()):
            self.block_names.pop(block, None)
        into, out_of = _consecutive(rows), _consecutive(indices)
        for column, source in zip(self.tensors, batch.columns, strict=True):
            if into is not None and out_of is not None:
                column[into].copy_(source[out_of])
            elif source[:1].nbytes >= _LARGE_ROW_BYTES:
                for row, index in zip(rows.tolist(), indices.tolist(), strict=True):
                    column[row].copy_(source[index])
            else:
                _writable(column).index_copy_(0, rows, _writable(source.index_select(0, indices)))

    def steps(self, rows: Tensor) -> list[Any]:
        """Return copies of the steps in rows, int64 [n].

        Raises:
            MemoryError: The copy does not fit.
        """
        needed = len(rows) * self._row_bytes
        require_memory(needed, f"get_data of {len(rows)} steps (sample takes only a batch)")
        values = [
            [read_row(leaf, row) for row in column.index_select(0, rows).unbind(0)]
            for leaf, column in zip(self._leaves, self.tensors, strict=True)
        ]
        return [unflatten(self.form, step) for step in zip(*values, strict=True)]

    def stacked(self, rows: Tensor) -> Any:
        """Return the nesting of a step with a tensor [n, *shape] in place of each value."""
        return unflatten(self.form, [column.index_select(0, rows) for column in self.tensors])

    def require_form(self, form: Form) -> None:
        """Check that steps have the form of these columns.

        Raises:
            ValueError: They do not; names the difference.
        """
        if form != self.form:
            raise ValueError(
                f"{difference(self.form, form)} (the buffer keeps steps of one form: "
                f"{self.signature}, found {write_signature(form)})"
            )


class StepObjects:
    """Rows for objects of any kind; they are not copied."""

    def __init__(self) -> None:
        """Start without rows; a row is created when it is first written, in order."""
        self._objects: list[Any] = []

    def write(self, row: int, step: Any) -> None:
        """Keep an object in a row."""
        if row == len(self._objects):
            self._objects.append(step)
        else:
            self._objects[row] = step

    def write_batch(self, rows: Tensor, batch: StepBatch, indices: Tensor) -> None:
        """Keep steps of a batch as objects; see `StepColumns.write_batch`."""
        for row, index in zip(rows.tolist(), indices.tolist(), strict=True):
            self.write(row, batch.step(index))

    def steps(self, rows: Tensor) -> list[Any]:
        """Return the objects in rows, int64 [n]."""
        return [self._objects[row] for row in rows.tolist()]

    def stacked(self, rows: Tensor) -> Any:
        """Return the objects in rows as stacked tensors; see `StepColumns.stacked`.

        Raises:
            TypeError: They are not steps; names the place.
        """
        return StepBatch.stack(self.steps(rows)).stacked()


def storage_for(step: Any, capacity: int) -> StepColumns | StepObjects:
    """Return storage that suits a first step: columns if it has a tensor or an array.

    Raises:
        MemoryError: Columns of its form do not fit.
    """
    try:
        form, _ = flatten(step)
    except (TypeError, ValueError):
        return StepObjects()
    columnar = any(leaf.kind in ("tensor", "ndarray") for leaf in leaves(form))
    return StepColumns(form, capacity) if columnar else StepObjects()


def _consecutive(numbers: Tensor) -> slice | None:
    """Return ascending consecutive numbers as a slice, None for others."""
    if len(numbers) == 0 or not bool((numbers.diff() == 1).all()):
        return None
    return slice(int(numbers[0]), int(numbers[-1]) + 1)


def _leaf_bytes(leaf: Leaf) -> int:
    return math.prod(leaf.shape) * DTYPES[leaf.dtype].itemsize


def _writable(column: Tensor) -> Tensor:
    """Return the same memory with a dtype that index_copy_ supports."""
    return column.view(_SIGNED[column.dtype]) if column.dtype in _SIGNED else column
