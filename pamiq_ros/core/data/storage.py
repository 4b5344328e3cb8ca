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

"""Memory for steps: the check that it is available, and rows for steps that are no columns."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import Tensor

from .batch import StepBatch

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


class StepObjects:
    """Rows for objects of any kind; they are not copied."""

    def __init__(self) -> None:
        """Start without rows; a row is created when it is first written, in order."""
        self._objects: list[Any] = []

    def write_object(self, row: int, step: Any) -> None:
        """Keep an object in a row."""
        if row == len(self._objects):
            self._objects.append(step)
        else:
            self._objects[row] = step

    def write(self, rows: Tensor, batch: StepBatch, indices: Tensor) -> None:
        """Keep steps of a batch as objects; see `StepColumns.write`."""
        for row, index in zip(rows.tolist(), indices.tolist(), strict=True):
            self.write_object(row, batch.step(index))

    def steps(self, rows: Tensor) -> list[Any]:
        """Return the objects in rows, int64 [n]."""
        return [self._objects[row] for row in rows.tolist()]

    def stacked(self, rows: Tensor) -> Any:
        """Return the objects in rows as stacked tensors; see `StepColumns.stacked`.

        Raises:
            TypeError: They are not steps; names the place.
        """
        return StepBatch.stack(self.steps(rows)).stacked()
