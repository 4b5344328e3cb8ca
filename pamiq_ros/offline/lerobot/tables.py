"""Tables: a dataset's frames, episodes and tasks as Parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray


def table_of(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """Frames, each column [N, *shape]; shape (1,) is a number."""
    return pa.table({name: _array(values) for name, values in columns.items()})


def _array(values: NDArray[Any]) -> pa.Array:
    count, shape = len(values), values.shape[1:]
    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    if shape == (1,):
        return array
    for inner, size in zip(range(len(shape) - 1, -1, -1), shape[::-1], strict=True):
        rows = count * int(np.prod(shape[:inner], dtype=np.int64))
        if len(shape) == 1:
            return pa.FixedSizeListArray.from_arrays(array, size)
        array = pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32) * size, array)
    return array


class Table:
    """A Parquet file that grows.

    Args:
        path: Where it goes; its folder is made.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    @property
    def nbytes(self) -> int:
        """How much of it has been written."""
        return self._path.stat().st_size if self._writer is not None else 0

    def add(self, table: pa.Table) -> None:
        """Append rows."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        """End the file."""
        if self._writer is not None:
            self._writer.close()


def write_episodes(path: Path, episodes: list[dict[str, Any]]) -> None:
    """Write one row for each episode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(episodes), path)


def write_tasks(path: Path, tasks: list[str]) -> None:
    """Write the tasks; pandas, by which LeRobot reads them, takes them as the index."""
    columns = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": kind,
            "numpy_type": dtype,
            "metadata": None,
        }
        for name, kind, dtype in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    index = {"index_columns": ["task"], "column_indexes": [], "columns": columns}
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": tasks})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(index)}), path)
