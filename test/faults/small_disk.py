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

"""A disk of a node's own that may be full or read-only: a file system in memory."""

import errno
import shutil
import subprocess
from pathlib import Path

import pytest

_MOUNT = 'mount -t tmpfs -o "size=$1" pamiq_small_disk "$2" && shift 2 && exec "$@"'
_OWN = ("unshare", "--user", "--map-root-user", "--mount")
_BLOCK = 4096


class SmallDisk:
    """A folder that is a small disk for one process, mounted in a namespace of its own.

    Args:
        folder: An empty folder.
        size: Bytes of the disk.

    Attributes:
        place: The folder.
        prefix: Command that makes the command after it run with the disk.
    """

    def __init__(self, folder, size):
        self.place, self._process = folder, None
        self.prefix = (*_OWN, "sh", "-c", _MOUNT, "sh", str(size), str(folder))
        if shutil.which("unshare") is None or shutil.which("nsenter") is None:
            pytest.skip("needs unshare and nsenter of util-linux")
        tried = subprocess.run([*self.prefix, "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"may not mount a file system in a namespace of its own: {tried.stderr}")

    def is_of(self, process):
        """The process was started with `prefix`."""
        self._process = process

    @property
    def folder(self):
        """The folder as the process sees it."""
        return Path(f"/proc/{self._process.pid}/root{self.place}")

    def fill(self, room):
        """Leave about so many bytes of room, with a file in the disk."""
        with (self.folder / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(_BLOCK))
            except OSError as error:
                assert error.errno == errno.ENOSPC
            filler.truncate(max(0, filler.tell() - room))

    def free(self):
        """Take the file away."""
        (self.folder / "filler").unlink()

    def remount(self, how):
        """Make the disk read-only (`ro`) or writable again (`rw`)."""
        enter = ("nsenter", "--target", str(self._process.pid), "--user", "--mount")
        mount = ("mount", "-o", f"remount,{how}", str(self.place))
        subprocess.run([*enter, "--preserve-credentials", *mount], check=True, timeout=10.0)
