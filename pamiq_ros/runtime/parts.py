"""Loads the parts of a state: all of them, or those that match the configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pamiq_ros.core.state_persistence import PersistentStateMixin


def load_parts(
    parts: Mapping[str, PersistentStateMixin],
    path: Path,
    on_mismatch: Callable[[str], object] | None,
) -> None:
    """Load parts from a state's directory.

    Args:
        parts: The parts, by name. The values of a mapping are loaded one by one.
        path: The state's directory.
        on_mismatch: Called with a text for each part that does not match; None: a mismatch raises.

    Raises:
        ValueError: A part does not match, or is damaged; names the file.
    """
    for name, part in parts.items():
        if on_mismatch is None:
            part.load_state(path / name)
            continue
        each = part if isinstance(part, Mapping) else {"": part}
        for key, one in each.items():
            try:
                one.load_state(path / name / key)
            except (ValueError, KeyError, OSError, RuntimeError) as error:
                on_mismatch(f"{name}/{key}: {error}")
