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

"""ROS domains for tests: whoever runs tests has one to himself, and finds his nodes at once.

Workers of one run and other runs on the same machine would hear each other's nodes otherwise.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from functools import cache
from pathlib import Path

import pytest

# Above 101, ports of Fast DDS may be taken: Linux hands them out to anybody. Without a domain of
# one's own it is 0. Benchmarks without one take one of 72 to 79.
DOMAINS = [number for number in range(1, 102) if number not in range(72, 80)]


# Processes that start say so more often: for Fast DDS from 3 on, and for the ones before.
PROFILE = dict.fromkeys(
    ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE"),
    str(Path(__file__).with_name("fast_discovery.xml")),
)


@cache
def own_domain() -> int:
    """A ROS_DOMAIN_ID that no other test process uses while this one lives."""
    first = os.getpid() % len(DOMAINS)  # not where a run that was killed may have left nodes
    for number in DOMAINS[first:] + DOMAINS[:first]:
        path = Path(tempfile.gettempdir()) / f"pamiq_ros-test-domain-{number}"
        try:
            lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except OSError:
            continue  # another user's
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return number  # the kernel lets go of it at this process's end
        except OSError:
            os.close(lock)
    raise RuntimeError(f"each of the ROS domains {DOMAINS} is in use by other tests")


@pytest.fixture
def fast_discovery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fast DDS reads its profile once, for the first participant of this process."""
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
    for name, value in PROFILE.items():
        monkeypatch.setenv(name, value)
