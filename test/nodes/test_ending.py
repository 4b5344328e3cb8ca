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

"""A process ends, even if what it waits for never comes and holds Python's lock."""

import subprocess
import sys

from ros_helpers import DEADLINE_S

STUCK = """
import ctypes
from pamiq_ros.nodes import process
process.LONGEST_END_S = 0.5
with process.leaving():
    print("left", flush=True)
with process.leaving():
    ctypes.PyDLL(None).sleep(1000)
"""


def test_what_holds_pythons_lock_does_not_keep_a_process_from_ending():
    ended = subprocess.run(
        [sys.executable, "-c", STUCK], capture_output=True, text=True, timeout=DEADLINE_S
    )
    assert ended.returncode == 1
    assert ended.stdout == "left\n"
    assert 'File "<string>", line 8' in ended.stderr
