# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Reading files in places where other users can put theirs, such as /dev/shm or a shared folder."""

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
    """Open a regular file of this user for reading. Never blocks.

    Returns:
        The file descriptor; the caller closes it.

    Raises:
        FileNotFoundError: The file does not exist.
        PermissionError: It is not a regular file, or belongs to another user; says what was found.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for a writer.
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
    """Return the content of a regular file of this user. Raises what `open_own` raises."""
    with os.fdopen(open_own(path), "rb") as file:
        return file.read()


def _expected() -> str:
    return f"expected a regular file of this user ({os.geteuid()})"
