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

"""DataBuffer: the base class of everything that keeps a trainer's data."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from ..state_persistence import PersistentStateMixin
from .batch import Form, StepBatch

T = TypeVar("T")
R = TypeVar("R")


class DataBuffer(ABC, PersistentStateMixin, Generic[T, R]):
    """Keeps collected steps of type T; returns them as R."""

    def __init__(self, max_queue_size: int | None = None) -> None:
        """Create a buffer.

        Args:
            max_queue_size: Most steps that wait between the collector and this buffer; the
                oldest are dropped. None: no limit, and a warning.

        Raises:
            ValueError: `max_queue_size` is negative.
        """
        super().__init__()
        if max_queue_size is None:
            warnings.warn(
                "max_queue_size is None: steps that are collected faster than they are moved into "
                "the buffer take ever more memory",
                RuntimeWarning,
                stacklevel=2,
            )
        elif max_queue_size < 0:
            raise ValueError(f"max_queue_size: expected 0 or more, found {max_queue_size}")
        self._max_queue_size = max_queue_size

    @property
    def max_queue_size(self) -> int | None:
        """Most steps that wait to be moved into this buffer; None: no limit."""
        return self._max_queue_size

    @abstractmethod
    def add(self, data: T) -> None:
        """Keep a step."""

    def add_batch(self, batch: StepBatch) -> None:
        """Keep steps in columns, which nobody changes afterwards."""
        for index in range(len(batch)):
            self.add(batch.step(index))

    def require_form(self, form: Form) -> None:
        """Check, as far as is known now, that steps of a form can be kept; any thread.

        Raises:
            ValueError: The form differs from that of the kept steps; names the difference.
        """

    @abstractmethod
    def get_data(self) -> R:
        """Return all kept steps."""

    def sample(self, batch_size: int, generator: torch.Generator | None = None) -> Any:
        """Sample steps uniformly, with replacement.

        Args:
            batch_size: How many.
            generator: Source of randomness; None: torch's own.

        Returns:
            The nesting of a step with a tensor [batch_size, *shape] in place of each value.

        Raises:
            ValueError: The buffer is empty, or `batch_size` is not positive.
            NotImplementedError: This kind of buffer does not sample.
        """
        raise NotImplementedError(f"{type(self).__name__} does not sample; use get_data")

    def newest(self, count: int) -> Any:
        """Return the newest steps, oldest first.

        Args:
            count: How many; fewer are returned if fewer are kept.

        Returns:
            The nesting of a step with a tensor [count, *shape] in place of each value.

        Raises:
            ValueError: The buffer is empty, or `count` is not positive.
            NotImplementedError: This kind of buffer knows no order.
        """
        raise NotImplementedError(f"{type(self).__name__} knows no order of its steps")

    def sample_sequences(
        self, batch_size: int, length: int, generator: torch.Generator | None = None
    ) -> Any:
        """Sample sequences of consecutive steps, with replacement.

        Args:
            batch_size: How many sequences.
            length: Steps in each.
            generator: Source of randomness; None: torch's own.

        Returns:
            The nesting of a step with a tensor [batch_size, length, *shape] in place of each value.

        Raises:
            ValueError: Fewer than `length` steps are kept, or a number is not positive.
            NotImplementedError: This kind of buffer knows no order.
        """
        raise NotImplementedError(f"{type(self).__name__} knows no order of its steps")

    def save_ahead(self, path: Path, lock: AbstractContextManager[object]) -> None:
        """Write what `save_state` of the same path will write; any thread.

        The buffer may change meanwhile. `save_state` then writes only what changed in between.

        Args:
            path: The path of the following `save_state`.
            lock: Held by everybody who changes the buffer; hold it here only briefly.
        """

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of kept steps."""
