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

"""`pamiq-ros up` with a system of the tests, as a process of its own, and what it leaves behind."""

import contextlib
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

from integration.harness import DOMAIN, PROFILE

SYSTEM = f"{Path(__file__).parent / 'counting_system.py'}:system"
SHARED_MEMORY = Path("/dev/shm")


@contextmanager
def launcher(folder, system=SYSTEM, *more):
    """Run it with states in `folder/states`; it and its nodes are gone at the end."""
    command = [sys.executable, "-m", "pamiq_ros.cli.main", "up", system, *more]
    options = ["--states-dir", folder / "states", "--log-dir", folder / "log"]
    environment = {**os.environ, **PROFILE, "ROS_DOMAIN_ID": str(DOMAIN)}
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen([*command, *options], env=environment, stdout=said, stderr=said)
    try:
        yield process
    finally:
        process.kill()  # the nodes end with it
        process.wait()


def nodes_of(process):
    """Process ids of the nodes that run, by executable."""
    found = {}
    for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
        words = _read(f"/proc/{pid}/cmdline").split("\0")
        if len(words) > 2:  # one that has ended and was not looked at yet has none
            found[words[2].rpartition(".")[2]] = int(pid)
    return found


def alive(pid):
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    stat = _read(f"/proc/{pid}/stat")
    return bool(stat) and stat.rpartition(")")[2].split()[0] != "Z"


def shared_memory(pid):
    """Names of the files in shared memory that a process owns: those it has open.

    Without LTTng's, which every user of ROS has and leaves. Of Fast DDS's, these are lock files.
    """
    found = set()
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        with contextlib.suppress(OSError):  # closed meanwhile
            found.add(link.readlink())
    return {path for path in found if path.parent == SHARED_MEMORY and "lttng" not in path.name}


def _read(path):
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return ""  # it has ended, or is another user's
