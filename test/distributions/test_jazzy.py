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

"""A selection of the tests on Jazzy, as wheels, in an environment of their own.

One environment cannot hold the wheels of two distributions: both bring a package `rclpy`.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from domains import own_domain

ROOT = Path(__file__).parents[2]
WHEELS = Path(__file__).with_name("jazzy.txt")
# Whatever belongs to the ROS of this process.
OTHERS = (
    "AMENT_",
    "COLCON_",
    "FASTDDS_",
    "FASTRTPS_",
    "LD_LIBRARY_PATH",
    "PYTHON",
    "RMW_",
    "ROS_",
    "_ROS_",
)
# Quarantined: the first test of test_graph.py. On Jazzy the last status, sent just before the
# control node's process ends, did not arrive in 1 of 12 runs on a busy machine.
SELECTION = (
    "test/test_fastdds_profile.py",
    "test/bringup/test_graph_places.py",
    "test/nodes/test_compat.py",
    "test/nodes/test_managed.py",
    "test/nodes/test_parameters.py",
    "test/supervision/test_robot_guard.py",
    "test/supervision/test_ros_time.py",
    "test/nodes/test_topics.py",
    "test/nodes/test_ros_robot.py",
    "test/integration/test_driving.py",
)
SHOW = """
import importlib.util, json, pathlib, rclpy
rclpy.init(args=[])
rclpy.create_node("shown").destroy_node()
rclpy.shutdown()
lines = pathlib.Path("/proc/self/maps").read_text().splitlines()
files = {line.split(maxsplit=5)[5] for line in lines if ".so" in line}
only_kilted = importlib.util.find_spec("fastdds") or importlib.util.find_spec("rmw_security_common")
print(json.dumps([rclpy.__file__, sorted(files), str(only_kilted)]))
"""

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The interpreter of an environment with Jazzy's rclpy and all else that this one has."""
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("the wheels are for Linux on x86-64 only")
    folder = tmp_path_factory.mktemp("jazzy").resolve()
    venv.create(folder / "venv", symlinks=True)
    interpreter = folder / "venv/bin/python"
    share_all_but_ros(folder / "shared", folder / "venv")  # pip too
    # What is shared stays as it is, since nothing that is installed is replaced.
    options = ["--ignore-installed", "--no-deps", "--no-compile", "--disable-pip-version-check"]
    done = subprocess.run(
        [interpreter, "-m", "pip", "install", "--quiet", *options, "-r", WHEELS],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        reason = f"Jazzy's wheels could not be installed:\n{done.stderr[-2000:]}"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    yield interpreter
    shutil.rmtree(folder)


def environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(OTHERS)}


def share_all_but_ros(shared: Path, environment: Path) -> None:
    """Let an environment import what this one has installed, except for wheels of ROS."""
    installed = Path(sysconfig.get_path("purelib"))
    ros = {
        path.parts[0]
        for wheel in importlib.metadata.distributions(path=[str(installed)])
        if (wheel.metadata["Name"] or "").startswith("ros-")
        for path in wheel.files or ()
    }
    shared.mkdir()
    for path in installed.iterdir():
        if path.name not in ros and path.suffix != ".pth" and not path.name.startswith("__"):
            (shared / path.name).symlink_to(path)
    (site_packages,) = environment.glob("lib/python*/site-packages")
    (site_packages / "shared.pth").write_text(f"{shared}\n")


def test_nothing_of_another_ros_is_loaded(python: Path) -> None:
    shown = subprocess.run(
        [python, "-c", SHOW],
        env={**environment(), "ROS_DOMAIN_ID": str(own_domain())},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    module, files, only_kilted = json.loads(shown.stdout)
    folder = python.parents[1]
    assert Path(module).is_relative_to(folder)
    assert only_kilted == "None"
    names = ("librcl", "librmw", "libfast", "libstd_msgs", "librosidl")
    ros = [Path(file) for file in files if Path(file).name.startswith(names)]
    assert {"librcl.so", "librmw_fastrtps_cpp.so"} <= {file.name for file in ros}
    assert [str(file) for file in ros if not file.is_relative_to(folder)] == []


def test_the_selection_passes_on_jazzy(python: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("wb") as file:
        status = subprocess.call(
            [
                "timeout",
                "280",
                python,
                "-m",
                "pytest",
                "-n",
                "0",
                "-p",
                "no:cacheprovider",
                *SELECTION,
            ],
            cwd=ROOT,
            env={**environment(), "PYTHONPATH": str(ROOT), "ROS_LOG_DIR": str(tmp_path)},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    assert status == 0, output.read_text(errors="replace")[-20000:]
