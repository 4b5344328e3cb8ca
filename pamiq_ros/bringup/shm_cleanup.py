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

"""Removes the shared-memory files that nodes leave: when killed, and of LTTng always.

A segment or a port is a family of files: itself, a lock file, and for a port a semaphore. The
process that reads from it holds the lock file locked for as long as it lives, so that the kernel
lets go of it however the process ends; that is also how Fast DDS itself tells leftovers. Where the
lock file is gone already, the rest of the family is left over when no process has it mapped.
LTTng, which ROS is built with for tracing, makes a meeting place and leaves it for good; it makes
another when there is none. It too is left over when no process but this one has it mapped.
A learner's weights lie in a file that is its own lock (`transport/shared_weights.py`).
"""

from __future__ import annotations

import fcntl
import os
import re
import stat
import time
from collections import defaultdict
from pathlib import Path

SHARED_MEMORY = Path("/dev/shm")
# A process that is just starting has made its files and not locked them yet.
YOUNGEST_S = 0.25

_MEMBER = re.compile(
    r"(?:sem\.)?(fast(?:dds|rtps)_(?:[0-9a-f]{16}|port\d{1,5})|lttng-ust-wait-[\d-]{1,12}"
    r"|pamiq_ros-\d{1,10}-[0-9a-f]{32})"
    r"(?:_el|_sl|_mutex)?"
)

Identity = tuple[str, int]


def files_there(folder: Path = SHARED_MEMORY) -> set[Identity]:
    """Name and inode of each such file that is there now."""
    return {(path.name, inode) for paths in _families(folder).values() for path, inode in paths}


def remove_leftovers(before: set[Identity], folder: Path = SHARED_MEMORY) -> list[str]:
    """Remove what appeared since `before` and belongs to no living process.

    Args:
        before: The result of `files_there` from before the first node was started: what lay there
            already is not ours to remove.
        folder: Where the files lie.

    Returns:
        The names of the files that were removed.
    """
    removed = []
    for family in _families(folder).values():
        if any((path.name, inode) in before for path, inode in family):
            continue
        paths = [path for path, _ in family]
        if _settled(paths) and _left_over(paths):
            for path in paths:
                path.unlink(missing_ok=True)
                removed.append(path.name)
    return removed


def _families(folder: Path) -> dict[str, list[tuple[Path, int]]]:
    families: dict[str, list[tuple[Path, int]]] = defaultdict(list)
    if folder.is_dir():
        with os.scandir(folder) as entries:
            for entry in entries:
                match = _MEMBER.fullmatch(entry.name)
                if match and _is_own(entry):
                    families[match[1]].append((Path(entry.path), entry.inode()))
    return families


def _is_own(entry: os.DirEntry[str]) -> bool:
    try:
        found = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid()


def _settled(paths: list[Path]) -> bool:
    try:
        return all(time.time() - path.stat().st_ctime >= YOUNGEST_S for path in paths)
    except FileNotFoundError:
        return False  # somebody is at work on it


def _left_over(paths: list[Path]) -> bool:
    locks = [path for path in paths if path.name.endswith(("_el", "_sl")) or _is_weights(path)]
    return all(map(_is_free, locks)) if locks else not _is_mapped(paths)


def _is_weights(path: Path) -> bool:
    return path.name.startswith("pamiq_ros-")


def _is_free(lock: Path) -> bool:
    try:
        # Without waiting: another user may have put a FIFO in its place by now.
        descriptor = os.open(lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return False  # gone by now, or another user's
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _is_mapped(paths: list[Path]) -> bool:
    # A line of maps: address, permissions, offset, device, inode, path. In another container the
    # same path may be another file.
    inodes = {str(path.stat().st_ino).encode() for path in paths}
    names = [path.name.encode() for path in paths]
    # LTTng never lets go of its meeting place while a process lives, and this one still does.
    passed_over = str(os.getpid()) if paths[0].name.startswith("lttng") else ""
    for maps in Path("/proc").glob("[0-9]*/maps"):
        if maps.parent.name == passed_over:
            continue
        try:
            lines = maps.read_bytes().splitlines()
        except OSError:
            continue  # ended by now, or another user's, which can't map our files to write
        ours = [line for line in lines if line.rpartition(b"/")[2] in names]
        if any(line.split()[4] in inodes for line in ours):
            return True
    return False
