"""Buffers on disk: columns in files of some megabytes, each written only when its rows changed.

A large buffer is saved again and again while little of it changes, and saving must not take as
much memory as the buffer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from torch import Tensor

from ..state import load_tree, reuse_file, save_tree, state_file
from .storage import StepColumns


def save_blocks(
    columns: StepColumns,
    folder: Path,
    size: Callable[[], int],
    lock: AbstractContextManager[object],
) -> list[str]:
    """Write the blocks of the filled rows that are not in the folder yet.

    Args:
        columns: The columns.
        folder: Created if it is missing.
        size: Returns how many rows, the first ones, are filled.
        lock: Held by every writer of rows; held here for one block at a time.

    Returns:
        The names of the blocks, in order.
    """
    folder.mkdir(exist_ok=True)
    names = []
    for block in range(-(-size() // columns.block_rows)):
        with lock:  # a block is named and copied at one moment: its name identifies its content
            name = columns.block_names.setdefault(block, f"{block:06d}-{uuid.uuid4().hex[:16]}")
            file = state_file(folder / name)
            exists = file.exists() or reuse_file(file)
            begin = block * columns.block_rows
            part = slice(begin, min(size(), begin + columns.block_rows))
            copies = [] if exists else [column[part].clone() for column in columns.tensors]
        if not exists:
            save_tree(folder / name, copies)
        names.append(name)
    return names


def load_blocks(columns: StepColumns, folder: Path, names: Sequence[str], size: int) -> None:
    """Fill the first `size` rows with blocks that were saved from columns of the same shapes.

    Raises:
        ValueError: A file is damaged, or does not fit.
    """
    for block, name in enumerate(names):
        begin = block * columns.block_rows
        parts = load_block(folder, name)
        for column, part in zip(columns.tensors, parts, strict=True):
            rows = column[begin : min(size, begin + columns.block_rows)]
            if (part.dtype, part.shape) != (rows.dtype, rows.shape):
                raise ValueError(
                    f"{folder / name}: expected {rows.dtype} {list(rows.shape)}, found "
                    f"{part.dtype} {list(part.shape)}"
                )
            rows.copy_(part)
        columns.block_names[block] = name


def load_block(folder: Path, name: str) -> list[Tensor]:
    """Return the columns of one block.

    Raises:
        FileNotFoundError: There is no such file.
        ValueError: The file is damaged; names it.
    """
    return list(load_tree(folder / name))


def remove_other_blocks(folder: Path, names: Sequence[str]) -> None:
    """Remove blocks that were saved ahead and changed afterwards."""
    kept = {state_file(folder / name).name for name in names}
    for file in folder.iterdir():
        if file.name not in kept:
            file.unlink()
