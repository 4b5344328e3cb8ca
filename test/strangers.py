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

"""What another user can put where this one looks: FIFOs, links and files of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SOMEBODY = 12345
LONGEST_S = 20.0
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files of other users")


def fifo(path: Path) -> Path:
    """Put a FIFO at a path; to open it for reading waits for somebody who writes."""
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


def given_away(path: Path) -> Path:
    """Make a file or folder another user's."""
    os.chown(path, SOMEBODY, SOMEBODY)
    return path


# In a process of its own: who is held up may hold the interpreter lock.
RELEASE = """
import os, sys, time
time.sleep(float(sys.argv[1]))
for path in sys.argv[2:]:
    os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
"""


@contextmanager
def without_waiting(*fifos: Path) -> Iterator[None]:
    """Fail when what is done meanwhile is held up by one of these, for longer than `LONGEST_S`."""
    command = [sys.executable, "-c", RELEASE, str(LONGEST_S), *map(str, fifos)]
    with subprocess.Popen(command) as releasing:
        try:
            yield
        finally:
            was_held_up = releasing.poll() is not None
            releasing.kill()
            assert not was_held_up, f"it waited for who writes to {fifos}"
