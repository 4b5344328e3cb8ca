"""The console's history: a file that only its user may read, and none where that can't be kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory


def history_path(variables: Mapping[str, str]) -> Path:
    """Where the history lies.

    Args:
        variables: The environment; XDG_STATE_HOME counts if it is absolute, as its
            specification wants it.
    """
    chosen = Path(variables.get("XDG_STATE_HOME", ""))
    base = chosen if chosen.is_absolute() else Path.home() / ".local" / "state"
    return base / "pamiq_ros" / "history"


def open_history(path: Path) -> tuple[History, str]:
    """Open the history, or one that is forgotten at the end.

    Args:
        path: Its file, made when it is not there.

    Returns:
        The history, and why it is not kept; empty when it is.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.fchmod(file, 0o600)
        finally:
            os.close(file)
    except OSError as error:
        return InMemoryHistory(), f"the history is not kept: {error}"
    return _LastingHistory(path), ""


class _LastingHistory(FileHistory):
    """A disk that is full must not keep anybody from pausing a robot."""

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError:
            return
