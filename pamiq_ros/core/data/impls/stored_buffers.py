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

"""Buffers of steps in preallocated columns: one keeps the newest, one replaces random steps."""

from __future__ import annotations

import math
from abc import abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...state import load_tree, save_tree
from ..batch import (
    DTYPES,
    Form,
    Leaf,
    StepBatch,
    difference,
    flatten,
    leaves,
    read_row,
    read_signature,
    unflatten,
    write_signature,
)
from ..blocks import block_rows, load_columns, save_blocks, save_columns, saved_steps
from ..buffer import DataBuffer
from ..storage import StepObjects, require_memory

T = TypeVar("T")
_EULER_MASCHERONI = 0.5772156649015329
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
        capacity: How many rows there are.
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
        self.capacity = capacity
        self._leaves = leaves(form)
        self._row_bytes = sum(_leaf_bytes(leaf) for leaf in self._leaves)
        require_memory(capacity * self._row_bytes, f"a buffer of {capacity} steps")
        self.tensors = [
            torch.empty((capacity, *leaf.shape), dtype=DTYPES[leaf.dtype]) for leaf in self._leaves
        ]
        self.block_rows = block_rows(capacity, self._row_bytes)
        self.block_names: dict[int, str] = {}

    @property
    def signature(self) -> str:
        """The form of the steps as text; see `StepBatch.from_columns`."""
        return write_signature(self.form)

    def write(self, rows: Tensor, batch: StepBatch, indices: Tensor) -> None:
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


class StoredBuffer(DataBuffer[T, list[T]]):
    """At most `max_size` steps, each in a row of preallocated memory.

    Steps with a tensor or an array, and steps received in batches, are kept as columns: one
    tensor [max_size, *shape] per value, allocated with the first step. All steps must then have
    one form. Other steps are kept as objects.
    """

    def __init__(self, max_size: int, max_queue_size: int, example: Any = None) -> None:
        """Create a buffer.

        Args:
            max_size: Most steps to keep.
            max_queue_size: Most steps that wait between the collector and this buffer.
            example: A step of the expected form: the memory is then allocated now.

        Raises:
            ValueError: `max_size` is not positive.
            MemoryError: The columns do not fit; names the bytes needed and available.
        """
        super().__init__(max_queue_size)
        self._max_size = max_size
        self._size = 0
        self._oldest = 0
        self._storage: StepColumns | StepObjects | None = None
        if example is not None:
            self._storage = StepColumns(flatten(example, "example")[0], max_size)

    @property
    def max_size(self) -> int:
        """Most steps that are kept."""
        return self._max_size

    def add(self, data: T) -> None:
        """Keep a step; tensors are copied.

        Raises:
            ValueError: Its form differs from that of the kept steps; names the difference.
            MemoryError: It is the first, and the memory for `max_size` steps is not available.
        """
        if self._storage is None:
            self._storage = StepObjects() if _is_object(data) else self._columns(flatten(data)[0])
        if isinstance(self._storage, StepColumns):
            self.add_batch(StepBatch.stack([data]))
            return
        _, rows = self._choose(1)
        for row in rows.tolist():
            self._storage.write_object(row, data)
        self._added(1)

    def add_batch(self, batch: StepBatch) -> None:
        """Keep steps as if they were added one by one.

        Raises:
            ValueError: Their form differs from that of the kept steps; names the difference.
            MemoryError: They are the first, and the memory for `max_size` steps is not available.
        """
        if len(batch) == 0:
            return
        if self._storage is None:
            self._storage = self._columns(batch.form)
        indices, rows = self._choose(len(batch))
        self._storage.write(rows, batch, indices)
        self._added(len(batch))

    def require_form(self, form: Form) -> None:
        """Check that steps have the form of those kept, or of the example."""
        if isinstance(self._storage, StepColumns):
            self._storage.require_form(form)

    def get_data(self) -> list[T]:
        """Return all steps in a new list; tensors are copied, so later steps do not change them.

        Raises:
            MemoryError: The copy does not fit.
        """
        return [] if self._storage is None else self._storage.steps(self._order())

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Any:
        """Sample steps uniformly, with replacement; see `DataBuffer.sample`.

        Raises:
            ValueError: The buffer is empty, or `batch_size` is not positive.
        """
        if batch_size <= 0:
            raise ValueError(f"batch_size: expected 1 or more, found {batch_size}")
        if self._storage is None or self._size == 0:
            raise ValueError("sample: the buffer is empty")
        return self._storage.stacked(torch.randint(self._size, (batch_size,), generator=generator))

    def __len__(self) -> int:
        """Return the number of kept steps."""
        return self._size

    def save_ahead(self, path: Path, lock: AbstractContextManager[object]) -> None:
        """Write blocks of steps as they are now; see `DataBuffer.save_ahead`."""
        if isinstance(self._storage, StepColumns):
            save_blocks(self._storage, path, self.__len__, lock)

    def save_state(self, path: Path) -> None:
        """Save the steps as `<path>.safetensors`, columns as blocks in `<path>.blocks`.

        Raises:
            TypeError: The steps are objects that a file of tensors and text cannot represent.
        """
        index: dict[str, Any] = {"oldest": self._oldest, "size": self._size}
        if isinstance(self._storage, StepColumns):
            index |= save_columns(self._storage, path, self._size)
        elif self._storage is not None:
            index["steps"] = self._storage.steps(torch.arange(self._size))
        save_tree(path, index)

    def load_state(self, path: Path) -> None:
        """Load the steps; if they are more than `max_size`, as if added one by one.

        Raises:
            ValueError: A file is damaged, or the form of its steps differs from the example.
        """
        index = load_tree(path)
        self._size = self._oldest = 0
        if "blocks" in index:
            if not isinstance(self._storage, StepColumns):
                self._storage = self._columns(read_signature(index["signature"]))
            if load_columns(self._storage, path, index):
                self._size, self._oldest = index["size"], index["oldest"]
            else:
                for steps in saved_steps(path, index):
                    self.add_batch(steps)
        elif "steps" in index:
            self._storage = None
            oldest, steps = index["oldest"], index["steps"]
            for step in steps[oldest:] + steps[:oldest]:
                self.add(step)

    def _columns(self, form: Form) -> StepColumns:
        return StepColumns(form, self._max_size)

    @abstractmethod
    def _choose(self, count: int) -> tuple[Tensor, Tensor]:
        """Return which of `count` new steps to keep, and their rows: both int64, no row twice."""

    def _order(self) -> Tensor:
        """Return the filled rows in the order of `get_data`."""
        return torch.arange(self._size)

    def _added(self, count: int) -> None:
        """Update the size after `count` steps were offered."""
        self._size = min(self._size + count, self._max_size)


class SequentialBuffer(StoredBuffer[T]):
    """The newest `max_size` steps, oldest first."""

    def __init__(self, max_size: int, *, example: Any = None) -> None:
        """Create a buffer.

        Args:
            max_size: Most steps to keep.
            example: A step of the expected form: the memory is then allocated now.

        Raises:
            ValueError: `max_size` is not positive.
            MemoryError: The columns do not fit; names the bytes needed and available.
        """
        if max_size < 1:
            raise ValueError(f"max_size: expected 1 or more, found {max_size}")
        super().__init__(max_size, max_size, example)

    def newest(self, count: int) -> Any:
        """Return the newest steps, oldest first; see `DataBuffer.newest`.

        Raises:
            ValueError: The buffer is empty, or `count` is not positive.
        """
        if count < 1:
            raise ValueError(f"count: expected 1 or more, found {count}")
        if self._storage is None or self._size == 0:
            raise ValueError("newest: the buffer is empty")
        return self._storage.stacked(self._order()[-count:])

    def sample_sequences(
        self, batch_size: int, length: int, generator: torch.Generator | None = None
    ) -> Any:
        """Sample sequences of consecutive steps; see `DataBuffer.sample_sequences`.

        Raises:
            ValueError: The buffer has fewer than `length` steps, or a number is not positive.
        """
        for name, value in (("batch_size", batch_size), ("length", length)):
            if value < 1:
                raise ValueError(f"{name}: expected 1 or more, found {value}")
        if self._storage is None or self._size < length:
            raise ValueError(
                f"length: expected at most the {self._size} steps kept, found {length}"
            )
        first = torch.randint(self._size - length + 1, (batch_size, 1), generator=generator)
        rows = self._order()[first + torch.arange(length)]
        return _split_rows(self._storage.stacked(rows.flatten()), batch_size)

    def _choose(self, count: int) -> tuple[Tensor, Tensor]:
        kept = min(count, self._max_size)
        first = (self._oldest + self._size) % self._max_size
        rows = (first + torch.arange(kept)) % self._max_size
        return torch.arange(count - kept, count), rows

    def _order(self) -> Tensor:
        return (self._oldest + torch.arange(self._size)) % self._max_size

    def _added(self, count: int) -> None:
        kept = min(count, self._max_size)
        replaced = max(0, self._size + kept - self._max_size)
        self._oldest = (self._oldest + replaced) % self._max_size
        super()._added(count)


class RandomReplacementBuffer(StoredBuffer[T]):
    """At most `max_size` steps of all ages; when full, a new step may replace a random one."""

    def __init__(
        self,
        max_size: int,
        replace_probability: float | None = None,
        expected_survival_length: int | None = None,
        *,
        example: Any = None,
    ) -> None:
        """Create a buffer.

        Args:
            max_size: Most steps to keep.
            replace_probability: How likely a new step is kept when the buffer is full, 0 to 1;
                1 if neither this nor the next is given.
            expected_survival_length: Alternatively: for how many new steps a kept one should stay.
            example: A step of the expected form: the memory is then allocated now.

        Raises:
            ValueError: A value is out of its range, or both are given.
            MemoryError: The columns do not fit; names the bytes needed and available.
        """
        if max_size < 1:
            raise ValueError(f"max_size: expected 1 or more, found {max_size}")
        if replace_probability is None:
            replace_probability = (
                1.0
                if expected_survival_length is None
                else self.compute_replace_probability_from_expected_survival_length(
                    max_size, expected_survival_length
                )
            )
        elif expected_survival_length is not None:
            raise ValueError("expected replace_probability or expected_survival_length, found both")
        if not 0.0 <= replace_probability <= 1.0:
            raise ValueError(f"replace_probability: expected 0 to 1, found {replace_probability}")
        # On average `max_size` of these would be kept; at probability 0 none would.
        queue = int(max_size / replace_probability) if replace_probability > 0.0 else max_size
        super().__init__(max_size, queue, example)
        self._replace_probability = replace_probability

    @staticmethod
    def compute_replace_probability_from_expected_survival_length(
        max_size: int, survival_length: int
    ) -> float:
        """Return the replace probability at which steps stay for `survival_length` new ones.

        This is the coupon collector's problem: until each of n rows has been replaced,
        n (ln n + 0.577) replacements are expected, and a fraction p of new steps replaces one. The
        formula is PAMIQ Core's (https://zenn.dev/gesonanko/scraps/b581e75bfd9f3e).

        Args:
            max_size: Rows n.
            survival_length: New steps, including those that are not kept.

        Returns:
            p, at most 1.

        Raises:
            ValueError: `survival_length` is not positive.
        """
        if survival_length < 1:
            raise ValueError(
                f"expected_survival_length: expected 1 or more, found {survival_length}"
            )
        replacements = max_size * (math.log(max_size) + _EULER_MASCHERONI)
        return min(replacements / survival_length, 1.0)

    @property
    def is_full(self) -> bool:
        """Whether every row is filled."""
        return self._size >= self._max_size

    def _choose(self, count: int) -> tuple[Tensor, Tensor]:
        filling = min(count, self._max_size - self._size)
        replacing = count - filling
        filled = torch.arange(self._size, self._size + filling)
        rows = torch.arange(filling)
        if replacing == 0:
            return rows, filled
        kept = torch.rand(replacing) < self._replace_probability
        candidates = torch.arange(filling, count)[kept]
        replaced = torch.randint(self._max_size, (len(candidates),))
        return _last_of_each(torch.cat([rows, candidates]), torch.cat([filled, replaced]))


def _split_rows(steps: Any, count: int) -> Any:
    """Split the first dimension of each tensor in a nesting in two: `count` and the rest."""
    if isinstance(steps, dict):
        return {key: _split_rows(part, count) for key, part in steps.items()}
    if isinstance(steps, (list, tuple)):
        return type(steps)(_split_rows(part, count) for part in steps)
    return steps.reshape(count, len(steps) // count, *steps.shape[1:])


def _last_of_each(indices: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Keep the last step of those with the same row: it would have replaced the ones before it."""
    order = torch.argsort(rows, stable=True)
    ordered = rows[order]
    last = torch.ones(len(rows), dtype=torch.bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    return indices[order[last]], ordered[last]


def _is_object(step: Any) -> bool:
    """Return whether a first step is kept as an object: it has no tensor and no array."""
    try:
        form, _ = flatten(step)
    except (TypeError, ValueError):
        return True
    return all(leaf.kind not in ("tensor", "ndarray") for leaf in leaves(form))


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
