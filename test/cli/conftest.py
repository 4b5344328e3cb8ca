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

"""`pamiq-ros` as a process of its own, on a ROS domain of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from domains import PROFILE, own_domain
from waiting import DEADLINE_S, until

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]


class Cli:
    """One `pamiq-ros` with stand-ins, its output in files."""

    def __init__(self, folder, arguments, stand_in=None, stdout=None, files=None, **env):
        self.out_path, self.err_path = folder / "out", folder / "err"
        self.log_dir = folder / "log"
        for name, text in (files or {}).items():
            (folder / name).write_text(text)
        known = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(HERE), str(ROOT)]),
            "ROS_DOMAIN_ID": str(own_domain()),
            "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
            **PROFILE,
            "TMPDIR": str(folder),
            "STAND_IN": json.dumps(stand_in or {}),
            **env,
        }
        with self.out_path.open("wb") as out, self.err_path.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "stand_in.pamiq_ros_cli", *map(str, arguments),
                 "--log-dir", str(self.log_dir)],
                env=known, stdout=stdout or out, stderr=err, cwd=folder,
            )  # fmt: skip

    @property
    def out(self):
        return self.out_path.read_text()

    @property
    def err(self):
        return self.err_path.read_text()

    def log(self, role):
        path = self.log_dir / f"pamiq_{role}.log"
        return path.read_text() if path.is_file() else ""

    def until_active(self):
        until(lambda: "active" in self.out or self.process.poll() is not None, "active")
        assert self.process.poll() is None, self.err
        return self

    def end(self):
        return self.process.wait(DEADLINE_S)

    def left(self):
        """Process ids of the stand-ins that still live."""
        mine = str(self.log_dir.parent).encode()
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                words = (path / "cmdline").read_bytes()
                if b"stand_in.nodes." in words and bytes((path / "cwd").readlink()) == mine:
                    found.append(int(path.name))
            except OSError:
                continue
        return found


@pytest.fixture
def cli(tmp_path):
    """Starts `pamiq-ros` with stand-ins; whatever is left of it at the end is killed."""
    pytest.importorskip("rclpy", reason="needs ROS 2 (rclpy), which is not installed")
    started = []

    def start(*arguments, **options):
        folder = tmp_path / str(len(started))
        folder.mkdir()
        started.append(Cli(folder, arguments, **options))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        for pid in one.left():
            os.kill(pid, 9)
