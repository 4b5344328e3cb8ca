"""Leaving the graph: the end of a process comes, even where DDS waits for itself for good."""

from __future__ import annotations

import contextlib
import faulthandler
from collections.abc import Iterator

LONGEST_END_S = 40.0
_STANDARD_ERROR = 2


def must_end() -> None:
    """From now on there are 40 s to end; after them comes the end, with a traceback and status 1.

    Fast DDS can wait for itself for good while a participant is taken apart and others come and go
    (https://github.com/eProsima/Fast-DDS/issues/6502). Whoever waits for it may hold Python's lock,
    so that only a thread that needs none can end the process.
    """
    faulthandler.dump_traceback_later(LONGEST_END_S, exit=True, file=_STANDARD_ERROR)


@contextlib.contextmanager
def leaving() -> Iterator[None]:
    """What has to be over within 40 s, by a process that goes on afterwards; see `must_end`."""
    must_end()
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
