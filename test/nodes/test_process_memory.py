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

"""What large messages cost the nodes in page faults."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")

# A message on its way in: three buffers of a picture's size, all freed before the next one.
FAULTS = """
import resource, sys
from pamiq_ros.nodes.process import keep_freed_memory
print(keep_freed_memory())
def receive():
    return [bytearray(921_600) for _ in range(3)] and None
receive()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    receive()
print((resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 20)
"""


def run(**environment: str) -> tuple[str, int]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    done = subprocess.run(
        [sys.executable, "-c", FAULTS],
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    taken, faults = done.stdout.split()
    return taken, int(faults)


@pytest.mark.skipif(sys.platform != "linux", reason="malloc settings are those of glibc")
def test_memory_of_a_picture_is_used_again() -> None:
    taken, faults = run()
    if taken != "True":
        pytest.skip("the C library has no mallopt")
    assert faults < 10


def test_a_users_malloc_settings_are_kept() -> None:
    taken, _ = run(MALLOC_TRIM_THRESHOLD_="131072")
    assert taken == "False"


ARENAS = """
import threading
from pamiq_ros.nodes.process import share_one_arena
print(share_one_arena())
held = [threading.Thread(target=lambda: bytearray(10**6)) for _ in range(4)]
for thread in held:
    thread.start()
    thread.join()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="malloc settings are those of glibc")
@pytest.mark.parametrize(("chosen", "taken"), [({}, "True"), ({"MALLOC_ARENA_MAX": "2"}, "False")])
def test_one_arena_is_shared_unless_the_user_chose_another_number(chosen, taken):
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_TUNABLES"))}
    command = [sys.executable, "-c", ARENAS]
    done = subprocess.run(command, env={**kept, **chosen}, capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, [taken])
