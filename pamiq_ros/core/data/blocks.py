"""Blocks: columns in files of some megabytes, each written anew only when its slots changed.

A state of a large buffer is saved again and again while little of it changes, and saving it must
not take as much memory as it has.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch import Tensor

from ..state import load_tree, reuse_file, save_tree, state_file

BLOCK_BYTES = 32 * 2**20


class Blocks:
    """Columns of slots, cut into blocks of about `BLOCK_BYTES`.

    Each block has a name that stands for its content: it gets a new one when a slot was changed.

    Attributes:
        slots: How many slots a block has.
    """

    def __init__(self, columns: Sequence[Tensor]) -> None:
        """Args: tensors [capacity, *shape]."""
        capacity = len(columns[0]) if columns else 1
        slot_bytes = sum(column[:1].nbytes for column in columns)
        self.slots = min(capacity, max(1, BLOCK_BYTES // max(1, slot_bytes)))
        self._columns = columns
        self._names: dict[int, str] = {}

    def changed(self, slots: Tensor | slice) -> None:
        """Note that slots were written to: int64 [n], or a stretch."""
        if isinstance(slots, slice):
            touched = range(slots.start // self.slots, (slots.stop - 1) // self.slots + 1)
        else:
            touched = torch.unique(slots // self.slots).tolist()
        for block in touched:
            self._names.pop(block, None)

    def save(
        self, folder: Path, size: Callable[[], int], lock: AbstractContextManager[object]
    ) -> list[str]:
        """Write the blocks of the filled slots that are not in the folder yet.

        Args:
            folder: Made if it is not there.
            size: Gives how many slots, the first ones, are filled.
            lock: Held by whoever changes slots or fills them; held here for one block at a time.

        Returns:
            The blocks' names, in order.
        """
        folder.mkdir(exist_ok=True)
        names = []
        for block in range(-(-size() // self.slots)):
            with lock:  # a block is named and copied at one moment: its name stands for its content
                name = self._names.setdefault(block, f"{block:06d}-{uuid.uuid4().hex[:16]}")
                file = state_file(folder / name)
                there = file.exists() or reuse_file(file)
                part = slice(block * self.slots, min(size(), (block + 1) * self.slots))
                columns = [] if there else [column[part].clone() for column in self._columns]
            if not there:
                save_tree(folder / name, columns)
            names.append(name)
        return names

    def load(self, folder: Path, names: Sequence[str], size: int) -> None:
        """Fill the first `size` slots with blocks that were saved from columns like these.

        Raises:
            ValueError: A file is damaged, or does not fit.
        """
        for block, name in enumerate(names):
            begin = block * self.slots
            parts = load_columns(folder, name)
            for column, part in zip(self._columns, parts, strict=True):
                place = column[begin : min(size, begin + self.slots)]
                if (part.dtype, part.shape) != (place.dtype, place.shape):
                    raise ValueError(
                        f"{folder / name}: expected {place.dtype} {list(place.shape)}, found "
                        f"{part.dtype} {list(part.shape)}"
                    )
                place.copy_(part)
            self._names[block] = name


def load_columns(folder: Path, name: str) -> list[Tensor]:
    """The columns of one block.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged; names it.
    """
    return list(load_tree(folder / name))


def remove_others(folder: Path, names: Sequence[str]) -> None:
    """Remove the blocks that were saved ahead and changed afterwards."""
    kept = {state_file(folder / name).name for name in names}
    for file in folder.iterdir():
        if file.name not in kept:
            file.unlink()
