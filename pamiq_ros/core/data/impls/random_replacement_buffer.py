"""Buffers that keep steps of all ages: when full, a new step takes a random one's place."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, TypeVar

import torch
from torch import Tensor

from .stored import DictBuffer, StoredBuffer

T = TypeVar("T")
_EULER_MASCHERONI = 0.5772156649015329


class RandomReplacementBuffer(StoredBuffer[T]):
    """Up to `max_size` steps; a step that comes when it is full may replace a random one."""

    def __init__(
        self,
        max_size: int,
        replace_probability: float | None = None,
        expected_survival_length: int | None = None,
        *,
        example: Any = None,
    ) -> None:
        """Make a buffer.

        Args:
            max_size: Most steps to keep.
            replace_probability: How likely a new step is kept when the buffer is full, 0 to 1;
                1 if neither this nor the next is given.
            expected_survival_length: Instead: for how many new steps a kept one should live.
            example: A step of the form to come: the memory is then taken now.

        Raises:
            ValueError: A value is out of its range, or both are given.
            MemoryError: The columns do not fit; says how many bytes are needed and available.
        """
        if max_size < 1:
            raise ValueError(f"max_size: expected 1 or more, found {max_size}")
        if replace_probability is None:
            replace_probability = (
                1.0
                if expected_survival_length is None
                else self.compute_replace_probability_from_expected_survival_length(
                    max_size, expected_survival_length
                )
            )
        elif expected_survival_length is not None:
            raise ValueError("expected replace_probability or expected_survival_length, found both")
        if not 0.0 <= replace_probability <= 1.0:
            raise ValueError(f"replace_probability: expected 0 to 1, found {replace_probability}")
        # So many that as many as there are slots would be kept; none would be at 0.
        queue = int(max_size / replace_probability) if replace_probability > 0.0 else max_size
        super().__init__(max_size, queue, example)
        self._replace_probability = replace_probability

    @staticmethod
    def compute_replace_probability_from_expected_survival_length(
        max_size: int, survival_length: int
    ) -> float:
        """How likely a step must be kept so that steps live for `survival_length` new ones.

        The slots are coupons of the coupon collector's problem: until n slots have each been
        drawn, n (ln n + 0.577) draws are expected, and one in 1/p new steps draws. This is the
        formula of PAMIQ Core (https://zenn.dev/gesonanko/scraps/b581e75bfd9f3e).

        Args:
            max_size: Slots n.
            survival_length: New steps, those that are not kept counted too.

        Returns:
            p, at most 1.

        Raises:
            ValueError: `survival_length` is not positive.
        """
        if survival_length < 1:
            raise ValueError(
                f"expected_survival_length: expected 1 or more, found {survival_length}"
            )
        draws = max_size * (math.log(max_size) + _EULER_MASCHERONI)
        return min(draws / survival_length, 1.0)

    @property
    def is_full(self) -> bool:
        """Whether every slot is filled."""
        return self._size >= self._max_size

    def _choose(self, count: int) -> tuple[Tensor, Tensor]:
        filling = min(count, self._max_size - self._size)
        replacing = count - filling
        filled = torch.arange(self._size, self._size + filling)
        rows = torch.arange(filling)
        if replacing == 0:
            return rows, filled
        kept = torch.rand(replacing) < self._replace_probability
        candidates = torch.arange(filling, count)[kept]
        drawn = torch.randint(self._max_size, (len(candidates),))
        return _last_of_each(torch.cat([rows, candidates]), torch.cat([filled, drawn]))


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
        """Make a buffer.

        Args:
            keys: Keys that every step has.
            max_size: See `RandomReplacementBuffer`, also for the others.
            replace_probability: How likely a new step is kept when the buffer is full.
            expected_survival_length: Instead: for how many new steps a kept one should live.
            example: A step of the form to come: the memory is then taken now.

        Raises:
            ValueError: A value is out of its range, or both are given.
            MemoryError: The columns do not fit; says how many bytes are needed and available.
        """
        super().__init__(
            keys,
            RandomReplacementBuffer(
                max_size, replace_probability, expected_survival_length, example=example
            ),
        )


def _last_of_each(rows: Tensor, slots: Tensor) -> tuple[Tensor, Tensor]:
    """Of the rows drawn for the same slot, the last: it would have replaced those before it."""
    order = torch.argsort(slots, stable=True)
    ordered = slots[order]
    last = torch.ones(len(slots), dtype=torch.bool)
    last[:-1] = ordered[1:] != ordered[:-1]
    return rows[order[last]], ordered[last]
