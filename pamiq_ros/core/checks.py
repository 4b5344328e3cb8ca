"""Checks of a system's configuration, so that a wrong value is refused before anything moves."""

from __future__ import annotations

from collections.abc import Callable, Sequence


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


def check_choices(**named: tuple[str, Sequence[str]]) -> None:
    """Refuse words that are none of those there are.

    Args:
        **named: By its name, each word with the ones there are.

    Raises:
        ValueError: Says which, what was expected and what was found.
    """
    for name, (found, expected) in named.items():
        if found not in expected:
            raise ValueError(f"{name}: expected one of {', '.join(expected)}, found {found!r}")


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
