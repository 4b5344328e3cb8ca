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

"""Buffers on disk: columns in files of some megabytes, each written only when its rows changed.

A large buffer is saved again and again while little of it changes, and saving must not take as
much memory as the buffer.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from torch import Tensor

from ..state import load_tree, reuse_file, save_tree, state_file
from .batch import Form, StepBatch, read_signature

BLOCK_BYTES = 32 * 2**20
"""About the size of a block."""


class Columns(Protocol):
    """Columns of steps as `StepColumns`, which describes the attributes."""

    form: Form
    capacity: int
    tensors: list[Tensor]
    block_rows: int
    block_names: dict[int, str]

    @property
    def signature(self) -> str:
        """The form as text."""


def block_rows(capacity: int, row_bytes: int) -> int:
    """Return how many of `capacity` rows of `row_bytes` bytes are saved in one block."""
    return min(capacity, max(1, BLOCK_BYTES // max(1, row_bytes)))


def save_columns(columns: Columns, path: Path, size: int) -> dict[str, Any]:
    """Write the blocks of the first `size` rows to `<path>.blocks`, and remove all others.

    Returns:
        What `load_columns` and `saved_steps` need to know, besides `size` and `oldest`.
    """
    names = save_blocks(columns, path, lambda: size, nullcontext())
    kept = {state_file(_folder(path) / name).name for name in names}
    for file in _folder(path).iterdir():
        if file.name not in kept:  # saved ahead and changed afterwards
            file.unlink()
    return {
        "signature": columns.signature,
        "capacity": columns.capacity,
        "blocks": names,
        "block_slots": columns.block_rows,
    }


def save_blocks(
    columns: Columns,
    path: Path,
    size: Callable[[], int],
    lock: AbstractContextManager[object],
) -> list[str]:
    """Write the blocks of the filled rows that are not in `<path>.blocks` yet.

    Args:
        columns: The columns.
        path: Path of the state of the buffer.
        size: Returns how many rows, the first ones, are filled.
        lock: Held by every writer of rows; held here for one block at a time.

    Returns:
        The names of the blocks, in order.
    """
    folder = _folder(path)
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


def load_columns(columns: Columns, path: Path, index: Mapping[str, Any]) -> bool:
    """Fill columns with saved blocks.

    Args:
        columns: The columns.
        path: Path of the state of the buffer.
        index: Result of `save_columns`, with `size`, the number of filled rows.

    Returns:
        False if the blocks were saved from columns of other shapes; `saved_steps` reads those.

    Raises:
        ValueError: A file is damaged, or does not fit.
    """
    alike = (columns.form, columns.capacity, columns.block_rows)
    if alike != (read_signature(index["signature"]), index["capacity"], index["block_slots"]):
        return False
    for block, name in enumerate(index["blocks"]):
        begin = block * columns.block_rows
        parts = load_tree(_folder(path) / name)
        for column, part in zip(columns.tensors, parts, strict=True):
            rows = column[begin : min(index["size"], begin + columns.block_rows)]
            if (part.dtype, part.shape) != (rows.dtype, rows.shape):
                raise ValueError(
                    f"{_folder(path) / name}: expected {rows.dtype} {list(rows.shape)}, found "
                    f"{part.dtype} {list(part.shape)}"
                )
            rows.copy_(part)
        columns.block_names[block] = name
    return True


def saved_steps(path: Path, index: Mapping[str, Any]) -> Iterator[StepBatch]:
    """Yield the saved steps in batches, from the oldest to the newest.

    Args:
        path: Path of the state of the buffer.
        index: Result of `save_columns`, with `size` and `oldest`, the row of the oldest step.

    Raises:
        ValueError: A file is damaged, or its columns are not those of the signature.
    """
    size, oldest, rows = index["size"], index["oldest"], index["block_slots"]
    for begin, end in ((oldest, size), (0, oldest)):
        for first, name in zip(range(0, size, rows), index["blocks"], strict=True):
            if first < end and begin < first + rows:
                columns = load_tree(_folder(path) / name)
                steps = StepBatch.from_columns(index["signature"], columns)
                yield steps[max(0, begin - first) : end - first]


def _folder(path: Path) -> Path:
    return path.with_name(path.name + ".blocks")
