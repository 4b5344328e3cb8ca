"""Checks of the configuration, so that a wrong value is refused before anything moves."""

from __future__ import annotations

from collections.abc import Sequence

_MOST_STAGES = 8
_MOST_CHANNELS = 1024
_SIDES = (8, 512)


def check_range(name: str, value: float, low: float, high: float) -> None:
    """Refuse a number that is not within limits, NaN included.

    Raises:
        ValueError: Says what was expected and what was found.
    """
    if not low <= value <= high:
        raise ValueError(f"{name}: expected {low} to {high}, found {value}")


def check_sizes(height: int, width: int, channels: Sequence[int]) -> None:
    """Refuse stages that are none or too many, and sides that they can't halve.

    Raises:
        ValueError: Says what was expected and what was found.
    """
    if not 1 <= len(channels) <= _MOST_STAGES:
        raise ValueError(
            f"channels: expected 1 to {_MOST_STAGES} numbers, found {len(channels)}"
        )
    for stage, maps in enumerate(channels):
        check_range(f"channels[{stage}]", maps, 1, _MOST_CHANNELS)
    factor = 2 ** len(channels)
    for name, side in (("height", height), ("width", width)):
        check_range(name, side, *_SIDES)
        if side % factor:
            raise ValueError(
                f"{name}: expected a multiple of {factor}, since each of the {len(channels)} "
                f"stages in channels halves it, found {side}"
            )
