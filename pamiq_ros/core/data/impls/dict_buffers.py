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

"""Buffers for steps that are dicts of the same keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, TypeVar

import torch

from ..batch import Form, Node, StepBatch
from ..buffer import DataBuffer
from .stored_buffers import RandomReplacementBuffer, SequentialBuffer, StoredBuffer

T = TypeVar("T")


class DictBuffer(DataBuffer[Mapping[str, T], dict[str, list[T]]]):
    """Dicts of the same keys, kept in another buffer."""

    def __init__(self, keys: Iterable[str], buffer: StoredBuffer[dict[str, T]]) -> None:
        """Use a buffer for steps that all have these keys."""
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
            ValueError: Its keys differ, or the forms of their values; names the difference.
        """
        self._require(data.keys())
        self._buffer.add(dict(data))

    def add_batch(self, batch: StepBatch) -> None:
        """Keep steps as if they were added one by one.

        Raises:
            ValueError: Their keys differ, or the forms of their values; names the difference.
        """
        self._require(_keys_of(batch.form))
        self._buffer.add_batch(batch)

    def require_form(self, form: Form) -> None:
        """Check that steps have these keys, and values of the form of those kept."""
        self._require(_keys_of(form))
        self._buffer.require_form(form)

    def get_data(self) -> dict[str, list[T]]:
        """Return a list of all values for each key."""
        steps = self._buffer.get_data()
        return {key: [step[key] for step in steps] for key in self._keys}

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Any:
        """Sample steps at random; see `DataBuffer.sample`.

        Raises:
            ValueError: The buffer is empty, or `batch_size` is not positive.
        """
        return self._buffer.sample(batch_size, generator)

    def newest(self, count: int) -> Any:
        """Return the newest steps, oldest first; see `DataBuffer.newest`."""
        return self._buffer.newest(count)

    def sample_sequences(
        self, batch_size: int, length: int, generator: torch.Generator | None = None
    ) -> Any:
        """Sample sequences of consecutive steps; see `DataBuffer.sample_sequences`."""
        return self._buffer.sample_sequences(batch_size, length, generator)

    def __len__(self) -> int:
        """Return the number of kept steps."""
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


class DictSequentialBuffer(DictBuffer[T]):
    """The newest `max_size` steps, each a dict of the same keys, oldest first."""

    def __init__(self, keys: Iterable[str], max_size: int, *, example: Any = None) -> None:
        """Create a buffer.

        Args:
            keys: Keys that every step has.
            max_size: Most steps to keep.
            example: A step of the expected form: the memory is then allocated now.

        Raises:
            ValueError: `max_size` is not positive.
            MemoryError: The columns do not fit; names the bytes needed and available.
        """
        super().__init__(keys, SequentialBuffer(max_size, example=example))


class DictRandomReplacementBuffer(DictBuffer[T]):
    """A `RandomReplacementBuffer` whose steps are dicts of the same keys."""

    def __init__(
        self,
        keys: Iterable[str],
        max_size: int,
        replace_probability: float | None = None,
        expected_survival_length: int | None = None,
        *,
        example: Any = None,
    ) -> None:
        """Create a buffer.

        Args:
            keys: Keys that every step has.
            max_size: See `RandomReplacementBuffer`, also for the others.
            replace_probability: How likely a new step is kept when the buffer is full, 0 to 1.
            expected_survival_length: Alternatively: for how many new steps a kept one should stay.
            example: A step of the expected form: the memory is then allocated now.

        Raises:
            ValueError: A value is out of its range, or both are given.
            MemoryError: The columns do not fit; names the bytes needed and available.
        """
        super().__init__(
            keys,
            RandomReplacementBuffer(
                max_size, replace_probability, expected_survival_length, example=example
            ),
        )


def _keys_of(form: Form) -> tuple[str, ...]:
    if isinstance(form, Node) and form.kind == "dict":
        return form.keys
    raise ValueError(f"step: expected a dict, found a {form}")
