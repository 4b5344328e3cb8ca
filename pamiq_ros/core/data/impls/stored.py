"""StoredBuffer and DictBuffer: what the buffers have in common, whatever they replace when full."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor

from ...signature import read_signature
from ...state import load_tree, save_tree
from ...tree import Form, Node, flatten
from ..batch import StepBatch
from ..blocks import load_columns, remove_others
from ..buffer import DataBuffer
from ..storage import ListStorage, Storage, TensorStorage, make_storage

T = TypeVar("T")


class StoredBuffer(DataBuffer[T, list[T]]):
    """At most `max_size` steps in slots.

    Steps that hold a tensor or an array, and those that come as batches, are kept as columns: one
    tensor [max_size, *shape] per value, allocated with the first step. All must then be of one
    form. Anything else is kept as objects.
    """

    def __init__(self, max_size: int, max_queue_size: int, example: Any = None) -> None:
        """Make a buffer.

        Args:
            max_size: Most steps to keep.
            max_queue_size: Most steps that wait between the collector and this buffer.
            example: A step of the form to come: the memory is then taken now.

        Raises:
            ValueError: `max_size` is not positive.
            MemoryError: The columns do not fit; says how many bytes are needed and available.
        """
        super().__init__(max_queue_size)
        self._max_size = max_size
        self._size = 0
        self._oldest = 0
        self._storage: Storage | None = None
        if example is not None:
            self._storage = TensorStorage(flatten(example, "example")[0], max_size)

    @property
    def max_size(self) -> int:
        """Most steps that are kept."""
        return self._max_size

    def add(self, data: T) -> None:
        """Keep a step; tensors are copied.

        Raises:
            ValueError: It is of another form than those kept; says what differs.
            MemoryError: It is the first, and there is no room for `max_size` of them.
        """
        if self._storage is None:
            self._storage = make_storage(data, self._max_size)
        _, slots = self._choose(1)
        for slot in slots.tolist():
            self._storage.put(slot, data)
        self._added(1)

    def add_batch(self, batch: StepBatch) -> None:
        """Keep steps as if they were added one by one.

        Raises:
            ValueError: They are of another form than those kept; says what differs.
            MemoryError: They are the first, and there is no room for `max_size` of them.
        """
        if len(batch) == 0:
            return
        if self._storage is None:
            self._storage = TensorStorage(batch.form, self._max_size)
        rows, slots = self._choose(len(batch))
        self._storage.put_batch(slots, batch, rows)
        self._added(len(batch))

    def require_form(self, form: Form) -> None:
        """Check that steps are of the form of those kept, or of the example."""
        if isinstance(self._storage, TensorStorage):
            self._storage.require_form(form)

    def get_data(self) -> list[T]:
        """All steps in a new list; tensors are copied, so later steps do not change them.

        Raises:
            MemoryError: The copy does not fit.
        """
        return [] if self._storage is None else self._storage.steps(self._order())

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Any:
        """Draw steps at random, each one as likely as any other, with replacement.

        Raises:
            ValueError: The buffer is empty, or `batch_size` is not positive.
        """
        if batch_size <= 0:
            raise ValueError(f"batch_size: expected 1 or more, found {batch_size}")
        if self._storage is None or self._size == 0:
            raise ValueError("sample: the buffer is empty")
        return self._storage.stacked(torch.randint(self._size, (batch_size,), generator=generator))

    def __len__(self) -> int:
        """How many steps are kept."""
        return self._size

    def save_ahead(self, path: Path, lock: AbstractContextManager[object]) -> None:
        """Write blocks of steps as they are now; see `DataBuffer.save_ahead`."""
        if isinstance(self._storage, TensorStorage):
            self._storage.blocks.save(_blocks(path), self.__len__, lock)

    def save_state(self, path: Path) -> None:
        """Save the steps as `<path>.safetensors`, columns as blocks in `<path>.blocks`.

        Raises:
            TypeError: The steps are objects that a file of tensors and text can't hold.
        """
        index: dict[str, Any] = {"oldest": self._oldest, "size": self._size}
        if isinstance(self._storage, TensorStorage):
            blocks = self._storage.blocks
            names = blocks.save(_blocks(path), self.__len__, nullcontext())
            remove_others(_blocks(path), names)
            index |= {"signature": self._storage.signature, "capacity": self._max_size}
            index |= {"blocks": names, "block_slots": blocks.slots}
        elif isinstance(self._storage, ListStorage):
            index["steps"] = self._storage.items(self._size)
        save_tree(path, index)

    def load_state(self, path: Path) -> None:
        """Load the steps; if they are more than `max_size`, as if added one by one.

        Raises:
            ValueError: A file is damaged, or its steps are of another form than the example.
        """
        index = load_tree(path)
        self._size = self._oldest = 0
        if "blocks" in index:
            self._load_blocks(_blocks(path), index)
        elif "steps" in index:
            self._storage = None
            oldest, steps = index["oldest"], index["steps"]
            for step in steps[oldest:] + steps[:oldest]:
                self.add(step)

    def _load_blocks(self, folder: Path, index: Mapping[str, Any]) -> None:
        size, oldest, slots = index["size"], index["oldest"], index["block_slots"]
        form = read_signature(index["signature"])
        if not isinstance(self._storage, TensorStorage):
            self._storage = TensorStorage(form, self._max_size)
        blocks = self._storage.blocks
        alike = (self._storage.form, self._max_size, blocks.slots)
        if alike == (form, index["capacity"], slots):
            blocks.load(folder, index["blocks"], size)
            self._size, self._oldest = size, oldest
            return
        for begin, end in ((oldest, size), (0, oldest)):  # from the oldest step to the newest
            for first, name in zip(range(0, size, slots), index["blocks"], strict=True):
                if first < end and begin < first + slots:
                    columns = load_columns(folder, name)
                    steps = StepBatch.from_columns(index["signature"], columns)
                    self.add_batch(steps[max(0, begin - first) : end - first])

    @abstractmethod
    def _choose(self, count: int) -> tuple[Tensor, Tensor]:
        """Which of `count` new steps to keep, and in which slots: both int64, no slot twice."""

    def _order(self) -> Tensor:
        """The filled slots in the order of `get_data`."""
        return torch.arange(self._size)

    def _added(self, count: int) -> None:
        """Note that `count` steps were offered."""
        self._size = min(self._size + count, self._max_size)


class DictBuffer(DataBuffer[Mapping[str, T], dict[str, list[T]]]):
    """Steps that are dicts of the same keys, in a buffer that keeps them."""

    def __init__(self, keys: Iterable[str], buffer: StoredBuffer[dict[str, T]]) -> None:
        """Keep steps in `buffer`, all of which have these keys."""
        super().__init__(buffer.max_queue_size)
        self._keys = tuple(dict.fromkeys(keys))
        self._buffer = buffer

    @property
    def max_size(self) -> int:
        """Most steps that are kept."""
        return self._buffer.max_size

    @property
    def keys(self) -> set[str]:
        """The keys of every step."""
        return set(self._keys)

    def add(self, data: Mapping[str, T]) -> None:
        """Keep a step.

        Raises:
            ValueError: It has other keys, or other forms behind them; says what differs.
        """
        self._require(data.keys())
        self._buffer.add(dict(data))

    def add_batch(self, batch: StepBatch) -> None:
        """Keep steps as if they were added one by one.

        Raises:
            ValueError: They have other keys, or other forms behind them; says what differs.
        """
        self._require(_keys_of(batch.form))
        self._buffer.add_batch(batch)

    def require_form(self, form: Form) -> None:
        """Check that steps have these keys, and behind them the forms of those kept."""
        self._require(_keys_of(form))
        self._buffer.require_form(form)

    def get_data(self) -> dict[str, list[T]]:
        """A list of all values for each key."""
        steps = self._buffer.get_data()
        return {key: [step[key] for step in steps] for key in self._keys}

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Any:
        """Draw steps at random; see `DataBuffer.sample`.

        Raises:
            ValueError: The buffer is empty, or `batch_size` is not positive.
        """
        return self._buffer.sample(batch_size, generator)

    def newest(self, count: int) -> Any:
        """The newest steps, oldest first; see `DataBuffer.newest`."""
        return self._buffer.newest(count)

    def sample_sequences(
        self, batch_size: int, length: int, generator: torch.Generator | None = None
    ) -> Any:
        """Draw stretches of consecutive steps; see `DataBuffer.sample_sequences`."""
        return self._buffer.sample_sequences(batch_size, length, generator)

    def __len__(self) -> int:
        """How many steps are kept."""
        return len(self._buffer)

    def save_ahead(self, path: Path, lock: AbstractContextManager[object]) -> None:
        """Write steps as they are now; see `DataBuffer.save_ahead`."""
        self._buffer.save_ahead(path, lock)

    def save_state(self, path: Path) -> None:
        """Save the steps; see `StoredBuffer.save_state`."""
        self._buffer.save_state(path)

    def load_state(self, path: Path) -> None:
        """Load the steps."""
        self._buffer.load_state(path)

    def _require(self, found: Iterable[str]) -> None:
        if set(found) != self.keys:
            raise ValueError(f"step: expected the keys {sorted(self._keys)}, found {sorted(found)}")


def _keys_of(form: Form) -> tuple[str, ...]:
    if isinstance(form, Node) and form.kind == "dict":
        return form.keys
    raise ValueError(f"step: expected a dict, found a {form}")


def _blocks(path: Path) -> Path:
    return path.with_name(path.name + ".blocks")
