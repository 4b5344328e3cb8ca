"""Files of a state that have not changed are taken over from the state before, by hard links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

_states: ContextVar[tuple[Path, Path] | None] = ContextVar("states", default=None)


@contextmanager
def reusing(before: Path | None, now: Path) -> Iterator[None]:
    """Let what is saved meanwhile, in this thread, take files over.

    Args:
        before: Directory of the state before; None: there is none.
        now: Directory of the state that is being saved.
    """
    token = _states.set(None if before is None else (before, now))
    try:
        yield
    finally:
        _states.reset(token)


def take_over(file: Path) -> bool:
    """Have a file of the same place and name in the state before, unchanged.

    Args:
        file: Where it is to be. Its name must stand for its content.

    Returns:
        Whether it is there now; not if the state before has none, or can't share it.
    """
    states = _states.get()
    if states is None:
        return False
    before, now = states
    try:
        os.link(before / file.relative_to(now), file)
    except (OSError, ValueError):  # none there, or a file system without links: it is written anew
        return False
    return True
