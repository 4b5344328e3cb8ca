"""Checks of the configuration, so that a wrong value is refused before anything moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_MOST_STAGES = 8
_MOST_CHANNELS = 1024
_SIDES = (8, 512)


def check_ranges(**named: tuple[float, float, float]) -> None:
    """Refuse numbers that are not within limits, NaN included.

    Args:
        **named: By its name, each number with its lowest and its highest value.

    Raises:
        ValueError: Says which, what was expected and what was found.
    """
    for name, (value, low, high) in named.items():
        if not low <= value <= high:
            raise ValueError(f"{name}: expected {low} to {high}, found {value}")


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


def check_devices(**named: Callable[[], object]) -> None:
    """Refuse devices that can't be made, such as those of a topic whose name is none.

    Args:
        **named: By the name of the value that could be wrong, each device's factory.

    Raises:
        ValueError: Says which, what was expected and what was found.
    """
    for name, make in named.items():
        try:
            make()
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
