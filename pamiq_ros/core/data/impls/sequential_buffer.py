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

    def newest(self, count: int) -> Any:
        """The newest steps, oldest first.

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
        """Draw stretches of steps that came one after the other, with replacement.

        Raises:
            ValueError: Fewer than `length` steps are kept, or a number is not positive.
        """
        for name, value in (("batch_size", batch_size), ("length", length)):
            if value < 1:
                raise ValueError(f"{name}: expected 1 or more, found {value}")
        if self._storage is None or self._size < length:
            raise ValueError(
                f"length: expected at most the {self._size} steps kept, found {length}"
            )
        first = torch.randint(self._size - length + 1, (batch_size, 1), generator=generator)
        order = self._order()[first + torch.arange(length)]
        return split_rows(self._storage.stacked(order.flatten()), batch_size)

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


def split_rows(steps: Any, count: int) -> Any:
    """Make two dimensions of the first one of each tensor in a nesting: `count` and the rest."""
    if isinstance(steps, dict):
        return {key: split_rows(part, count) for key, part in steps.items()}
    if isinstance(steps, (list, tuple)):
        return type(steps)(split_rows(part, count) for part in steps)
    return steps.reshape(count, len(steps) // count, *steps.shape[1:])


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
