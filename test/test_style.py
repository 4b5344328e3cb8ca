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
    files = [ROOT / name for name in tracked.stdout.split()]
    without = [file.name for file in files if not file.read_text().startswith(first)]
    assert without == []
