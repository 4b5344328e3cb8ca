"""Opening files at places where other users can put theirs, such as /dev/shm or a shared folder."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFREG: "a regular file",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_own(path: Path) -> int:
    """Open a regular file of this user for reading, and nothing else; never waits for anybody.

    Returns:
        The file's descriptor, for the caller to close.

    Raises:
        FileNotFoundError: There is nothing at this path.
        PermissionError: It is another user's or no regular file; says what was found.
    """
    try:
        # Opening a FIFO would wait for who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise PermissionError(f"{path}: {_expected()}, found a symbolic link") from error
        raise
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
        return descriptor
    os.close(descriptor)
    kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
    advice = "; if you trust it, chown it" if stat.S_ISREG(found.st_mode) else ""
    raise PermissionError(f"{path}: {_expected()}, found {kind} of user {found.st_uid}{advice}")


def read_own(path: Path) -> bytes:
    """The content of a file as `open_own` opens it; raises what that raises."""
    with os.fdopen(open_own(path), "rb") as file:
        return file.read()


def _expected() -> str:
    return f"expected a regular file of this user ({os.geteuid()})"
