"""Checks of the pictures' sizes."""

from __future__ import annotations

from collections.abc import Sequence

from pamiq_ros.core.checks import check_ranges

_MOST_STAGES = 8
_MOST_CHANNELS = 1024
_SIDES = (8, 512)


def check_sizes(height: int, width: int, channels: Sequence[int]) -> None:
    """Refuse stages that are none or too many, and sides that they can't halve.

    Raises:
        ValueError: Says what was expected and what was found.
    """
    if not 1 <= len(channels) <= _MOST_STAGES:
        raise ValueError(f"channels: expected 1 to {_MOST_STAGES} numbers, found {len(channels)}")
    for stage, maps in enumerate(channels):
        check_ranges(**{f"channels[{stage}]": (maps, 1, _MOST_CHANNELS)})
    factor = 2 ** len(channels)
    check_ranges(height=(height, *_SIDES), width=(width, *_SIDES))
    for name, side in (("height", height), ("width", width)):
        if side % factor:
            raise ValueError(
                f"{name}: expected a multiple of {factor}, since each of the {len(channels)} "
                f"stages in channels halves it, found {side}"
            )
