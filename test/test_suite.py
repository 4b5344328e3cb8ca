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

"""The suite itself: a worker that dies or hangs must not keep the run from ending."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

LONGEST_S = 120.0
CONFTEST = Path(__file__).with_name("conftest.py")
CRASH = "import ctypes\ndef test_crash():\n    ctypes.string_at(0)\n"
# Longer than `run_suite` waits.
LONG = """
import pytest, time
@pytest.mark.parametrize("number", range(3000))
def test(number):
    time.sleep(1)
"""
HANG = "import threading\ndef test_hang():\n    threading.Event().wait()\n"


def run_suite(folder: Path, *options: str, **files: str) -> tuple[int, str]:
    """Run test files with the suite's own conftest; gives exit status and output."""
    pytest.importorskip("xdist", reason="needs pytest-xdist")
    (folder / "test").mkdir()
    shutil.copy(CONFTEST, folder / "test")
    (folder / "pytest.ini").write_text("[pytest]\ntestpaths = test\naddopts = -p no:hydra_pytest\n")
    for name, text in files.items():
        (folder / "test" / f"test_{name}.py").write_text(text)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    command = [sys.executable, "-m", "pytest", "-q", *options]
    done = subprocess.run(
        command, cwd=folder, env=inherited, capture_output=True, text=True, timeout=LONGEST_S
    )
    return done.returncode, done.stdout


def test_a_worker_that_dies_fails_the_run_at_once(tmp_path: Path) -> None:
    status, output = run_suite(tmp_path, crash=CRASH, long=LONG)
    assert status == 1
    assert "crashed while running 'test/test_crash.py::test_crash'" in output


def test_a_test_that_hangs_fails_and_the_run_goes_on(tmp_path: Path) -> None:
    pytest.importorskip("pytest_timeout", reason="needs pytest-timeout")
    status, output = run_suite(tmp_path, "--timeout=1", hang=HANG, other="def test(): pass\n")
    assert status == 1
    assert "1 failed, 1 passed" in output
