"""Loading the parts of a state, all of them or those that fit."""

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
        parts: What to load, by name; of those that are mappings each value by itself.
        path: The state's directory.
        on_mismatch: Called with a text for each that does not fit; None: that is an error.

    Raises:
        ValueError: One does not fit, or is damaged; names the file.
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
