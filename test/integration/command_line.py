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

"""`pamiq-ros` as a process on the domain of these tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .harness import DOMAIN, PROFILE

ENVIRONMENT = {
    **os.environ,
    **PROFILE,
    "ROS_DOMAIN_ID": str(DOMAIN),
    "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
}


@contextmanager
def pamiq_ros(folder: Path, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run it; its output goes to `folder/said`, and it is gone at the end."""
    command = [sys.executable, "-m", "pamiq_ros.cli.main", *map(str, arguments)]
    with (folder / "said").open("wb") as file:
        process = subprocess.Popen(command, env=ENVIRONMENT, stdout=file, stderr=file)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def said(folder: Path) -> str:
    """What it has said so far."""
    return (folder / "said").read_text()
