"""Storage: preallocated memory for the steps of a buffer."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from ..tree import DTYPES, Form, Leaf, difference, flatten, leaves, unflatten
from .batch import StepBatch, make_column, read_row
from .blocks import Blocks

_MEMINFO = Path("/proc/meminfo")


def available_memory() -> int:
    """Bytes that can be allocated without swapping."""
    if _MEMINFO.exists():
        for line in _MEMINFO.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def require_memory(needed: int, what: str) -> None:
    """Check that there is memory for something.

    Args:
        needed: Bytes it takes.
        what: What it is, for the error.

    Raises:
        MemoryError: There is not; says how many bytes are needed and available.
    """
    available = available_memory()
    if needed > available:
        raise MemoryError(f"{what} needs {needed} bytes, {available} bytes are available")


# From here on a copy of each row costs less than a second copy of all of them.
_LARGE_ROW_BYTES = 4096
_SIGNED = {torch.uint16: torch.int16, torch.uint32: torch.int32, torch.uint64: torch.int64}


class Storage(Protocol):
    """Slots 0 to capacity - 1; whoever uses it remembers which of them are filled."""

    def put(self, slot: int, step: Any) -> None:
        """Copy a step into a slot."""

    def put_batch(self, slots: Tensor, batch: StepBatch, rows: Tensor) -> None:
        """Copy rows of a batch into slots, both int64 [n]; no slot twice."""

    def steps(self, slots: Tensor) -> list[Any]:
        """The steps in slots, int64 [n]; later changes of the storage do not reach them."""

    def stacked(self, slots: Tensor) -> Any:
        """The nesting of a step with a tensor [n, *shape] in place of each value."""


class TensorStorage:
    """Slots for steps of one form: a contiguous tensor [capacity, *shape] per leaf.

    Attributes:
        form: The steps' form.
        blocks: The slots as files.
    """

    def __init__(self, form: Form, capacity: int) -> None:
        """Allocate.

        Raises:
            MemoryError: It does not fit; says how many bytes are needed and available.
        """
        self.form = form
        self._leaves = leaves(form)
        needed = capacity * sum(_leaf_bytes(leaf) for leaf in self._leaves)
        require_memory(needed, f"a buffer of {capacity} steps")
        self._columns = [
            torch.empty((capacity, *leaf.shape), dtype=DTYPES[leaf.dtype]) for leaf in self._leaves
        ]
        self.blocks = Blocks(self._columns)

    def put(self, slot: int, step: Any) -> None:
        """Copy a step into a slot.

        Raises:
            ValueError: The step is of another form; says what differs.
        """
        form, values = flatten(step)
        self.require_form(form)
        self.blocks.changed(slice(slot, slot + 1))
        for leaf, column, value in zip(self._leaves, self._columns, values, strict=True):
            if leaf.kind == "tensor":
                value = value.detach()
            elif leaf.kind == "ndarray":
                value = make_column(leaf, [value])[0]
            column[slot] = value

    def put_batch(self, slots: Tensor, batch: StepBatch, rows: Tensor) -> None:
        """Copy rows of a batch into slots.

        Raises:
            ValueError: The batch is of another form; says what differs.
        """
        self.require_form(batch.form)
        to, whence = _stretch(slots), _stretch(rows)
        self.blocks.changed(slots if to is None else to)
        for column, source in zip(self._columns, batch.columns, strict=True):
            if to is not None and whence is not None:
                column[to].copy_(source[whence])
            elif source[:1].nbytes >= _LARGE_ROW_BYTES:
                for slot, row in zip(slots.tolist(), rows.tolist(), strict=True):
                    column[slot].copy_(source[row])
            else:
                _writable(column).index_copy_(0, slots, _writable(source.index_select(0, rows)))

    def steps(self, slots: Tensor) -> list[Any]:
        """The steps in slots, copied at once.

        Raises:
            MemoryError: The copy does not fit.
        """
        needed = len(slots) * sum(_leaf_bytes(leaf) for leaf in self._leaves)
        require_memory(needed, f"get_data of {len(slots)} steps (sample takes only a batch)")
        columns = [column.index_select(0, slots) for column in self._columns]
        rows = [
            [read_row(leaf, row) for row in column.unbind(0)]
            for leaf, column in zip(self._leaves, columns, strict=True)
        ]
        return [unflatten(self.form, values) for values in zip(*rows, strict=True)]

    def stacked(self, slots: Tensor) -> Any:
        """The steps in slots as stacked tensors."""
        return unflatten(self.form, [c.index_select(0, slots) for c in self._columns])

    @property
    def signature(self) -> str:
        """The steps' form as text; see `StepBatch.from_columns`."""
        return StepBatch(self.form, []).signature

    def require_form(self, form: Form) -> None:
        """Check that steps are of the form of those kept.

        Raises:
            ValueError: They are not; says what differs.
        """
        if form != self.form:
            raise ValueError(
                f"{difference(self.form, form)} (the buffer keeps steps of one form: "
                f"{self.signature}, found "
                f"{StepBatch(form, []).signature})"
            )


class ListStorage:
    """Slots for objects of any kind."""

    def __init__(self) -> None:
        """An empty storage, which grows as slots are first filled."""
        self._items: list[Any] = []

    def put(self, slot: int, step: Any) -> None:
        """Keep an object, not copied."""
        if slot == len(self._items):
            self._items.append(step)
        else:
            self._items[slot] = step

    def put_batch(self, slots: Tensor, batch: StepBatch, rows: Tensor) -> None:
        """Keep steps of a batch as objects."""
        for slot, row in zip(slots.tolist(), rows.tolist(), strict=True):
            self.put(slot, batch.step(row))

    def steps(self, slots: Tensor) -> list[Any]:
        """The objects in slots."""
        return [self._items[slot] for slot in slots.tolist()]

    def stacked(self, slots: Tensor) -> Any:
        """The objects in slots as stacked tensors.

        Raises:
            TypeError: They are no steps; names the place.
        """
        return StepBatch.stack(self.steps(slots)).stacked()

    def items(self, count: int) -> list[Any]:
        """The objects in the first slots."""
        return self._items[:count]


def make_storage(step: Any, capacity: int) -> Storage:
    """The storage that suits a first step: columns if it holds a tensor or an array.

    Raises:
        MemoryError: Columns of its form do not fit.
    """
    try:
        form, _ = flatten(step)
    except (TypeError, ValueError):
        return ListStorage()
    columnar = any(leaf.kind in ("tensor", "ndarray") for leaf in leaves(form))
    return TensorStorage(form, capacity) if columnar else ListStorage()


def _stretch(numbers: Tensor) -> slice | None:
    """The numbers as a slice; None when they do not ascend one by one."""
    if len(numbers) == 0 or not bool((numbers.diff() == 1).all()):
        return None
    return slice(int(numbers[0]), int(numbers[-1]) + 1)


def _leaf_bytes(leaf: Leaf) -> int:
    return math.prod(leaf.shape) * DTYPES[leaf.dtype].itemsize


def _writable(column: Tensor) -> Tensor:
    """The same memory with a dtype that index_copy_ knows."""
    return column.view(_SIGNED[column.dtype]) if column.dtype in _SIGNED else column
