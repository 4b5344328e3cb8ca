"""Buffers that keep the newest steps, in order."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor

from .stored import DictBuffer, StoredBuffer

T = TypeVar("T")


class SequentialBuffer(StoredBuffer[T]):
    """The newest `max_size` steps, oldest first."""

    def __init__(self, max_size: int, *, example: Any = None) -> None:
        """Make a buffer.

        Args:
            max_size: Most steps to keep.
            example: A step of the form to come: the memory is then taken now.

        Raises:
            ValueError: `max_size` is not positive.
            MemoryError: The columns do not fit; says how many bytes are needed and available.
        """
        if max_size < 1:
            raise ValueError(f"max_size: expected 1 or more, found {max_size}")
        super().__init__(max_size, max_size, example)

    def _choose(self, count: int) -> tuple[Tensor, Tensor]:
        kept = min(count, self._max_size)
        first = (self._oldest + self._size) % self._max_size
        slots = (first + torch.arange(kept)) % self._max_size
        return torch.arange(count - kept, count), slots

    def _order(self) -> Tensor:
        return (self._oldest + torch.arange(self._size)) % self._max_size

    def _added(self, count: int) -> None:
        kept = min(count, self._max_size)
        replaced = max(0, self._size + kept - self._max_size)
        self._oldest = (self._oldest + replaced) % self._max_size
        super()._added(count)


class DictSequentialBuffer(DictBuffer[T]):
    """The newest `max_size` steps, each a dict of the same keys, oldest first."""

    def __init__(self, keys: Iterable[str], max_size: int, *, example: Any = None) -> None:
        """Make a buffer.

        Args:
            keys: Keys that every step has.
            max_size: Most steps to keep.
            example: A step of the form to come: the memory is then taken now.

        Raises:
            ValueError: `max_size` is not positive.
            MemoryError: The columns do not fit; says how many bytes are needed and available.
        """
        super().__init__(keys, SequentialBuffer(max_size, example=example))
