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

"""The processes that a benchmark starts: their environment, and `pamiq-ros` of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from pamiq_ros import bringup as graph

FOLDER = Path(__file__).parent
# Two benchmarks side by side should not receive each other's messages.
DOMAIN = os.environ.get("ROS_DOMAIN_ID") or str(72 + os.getpid() % 8)
"""`ROS_DOMAIN_ID` of every process of this benchmark."""
FAST_DDS_SETTINGS = (
    "FASTDDS_DEFAULT_PROFILES_FILE",
    "FASTRTPS_DEFAULT_PROFILES_FILE",
    "FASTDDS_BUILTIN_TRANSPORTS",
)


def own_environment(**more: str) -> dict[str, str]:
    """Return the environment of a process that talks on this machine and on `DOMAIN` alone.

    The checkout's package and the modules of this folder can be imported in it.

    Args:
        more: Further variables.
    """
    known = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(FOLDER.parent), str(FOLDER), known))),
        "ROS_DOMAIN_ID": DOMAIN,
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        **more,
    }


def with_profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment with the package's Fast DDS profile, which the nodes use."""
    return {**environment, **graph.environment(environment)}


def without_profile(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which Fast DDS has its default settings."""
    return {key: value for key, value in environment.items() if key not in FAST_DDS_SETTINGS}


def command(*arguments: str) -> list[str]:
    """Return the command line of `pamiq-ros` with these arguments."""
    return [sys.executable, "-m", "pamiq_ros.cli.main", *arguments]


def pamiq(folder: Path, *arguments: str, **more: str) -> None:
    """Run `pamiq-ros` in a folder and wait for its end.

    Args:
        folder: The working directory.
        arguments: Its arguments.
        more: Further environment variables.

    Raises:
        SystemExit: It failed; contains its output.
    """
    words = command(*arguments)
    environment = own_environment(**more)
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, cwd=folder, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
