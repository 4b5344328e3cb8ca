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

"""Types and style: mypy strict over the package, ruff over everything."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "command", [["mypy"], ["ruff", "check", "."], ["ruff", "format", "--check", "."]], ids=" ".join
)
def test_the_tree_is_clean(command):
    pytest.importorskip(command[0], reason=f"{command[0]} is not installed: pip install '.[test]'")
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_begins_with_the_licence():
    # What ament_copyright looks for, which ROS packages are checked with.
    first = "# Copyright 2026 pamiq_ros maintainers\n#\n# Licensed under the Apache License"
    tracked = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    if tracked.returncode:
        pytest.skip("not a git checkout")
    # Users copy the examples and choose a licence of their own.
    files = [name for name in tracked.stdout.split() if not name.startswith("examples/")]
    texts = {name: (ROOT / name).read_text() for name in files}
    assert [name for name, text in texts.items() if text and not text.startswith(first)] == []
