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

"""The package as colcon and pip install it, and the command that the README gives for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ros_helpers import Ros

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".*", "*.egg-info", "__pycache__", "build", "dist", "install", "log", "venv"
)


def colcon_environment() -> dict[str, str]:
    # The wheels of ROS are no colcon prefix, but their folder is one that colcon can build on.
    return {"AMENT_PREFIX_PATH": sys.prefix, **os.environ}


def colcon(workspace: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "colcon", "--log-base", "log", *arguments]
    run = subprocess.run(
        command, cwd=workspace, env=colcon_environment(), capture_output=True, text=True
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return run.stdout


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A colcon workspace with a copy of the package, built."""
    for module in ("colcon_core", "colcon_ros"):
        pytest.importorskip(module, reason=f"needs colcon to build: {module} is not installed")
    folder = tmp_path_factory.mktemp("workspace")
    shutil.copytree(ROOT, folder / "src/pamiq_ros", ignore=LEFT_OUT)
    colcon(folder, "build")
    yield folder


def test_colcon_sees_a_ros_package_of_python(workspace: Path) -> None:
    assert "(ros.ament_python)" in colcon(workspace, "list")


def test_colcon_installs_what_ros_looks_for(workspace: Path) -> None:
    prefix = workspace / "install/pamiq_ros"
    for name in ("inference_node", "training_node", "control_node", "world_node", "console"):
        assert os.access(prefix / f"lib/pamiq_ros/{name}", os.X_OK), name
    share = prefix / "share/pamiq_ros"
    for name in (
        "package.xml",
        "launch/continual.launch.py",
        "launch/sim.launch.py",
        "config/continual.yaml",
        "config/fastdds.xml",
        "config/pamiq.perspective",
        "config/foxglove_layout.json",
        "config/aggregator.yaml",
        "config/sros2/policy.xml",
    ):
        assert (share / name).is_file(), name
    assert (prefix / "share/ament_index/resource_index/packages/pamiq_ros").is_file()


def test_the_installed_package_finds_its_own_files(workspace: Path) -> None:
    code = "from pamiq_ros.bringup import share_file; print(share_file('config/fastdds.xml'))"
    run = in_workspace(workspace, f'exec "{sys.executable}" -c "{code}"')
    found, _ = run.communicate(timeout=60)
    assert Path(found.strip()) == workspace / "install/pamiq_ros/share/pamiq_ros/config/fastdds.xml"


def test_an_installed_executable_runs(workspace: Path, ros: Ros) -> None:
    from ros_helpers import DEADLINE_S
    from std_srvs.srv import Trigger

    executable = workspace / "install/pamiq_ros/lib/pamiq_ros/control_node"
    process = in_workspace(workspace, f'exec "{executable}"', ros.environment)
    ros.processes.append(process)
    client = ros.node("user").create_client(Trigger, "pamiq/shutdown")
    assert client.wait_for_service(DEADLINE_S), "the control node did not come up"
    process.terminate()
    assert process.wait(DEADLINE_S) == 0


def in_workspace(
    workspace: Path, command: str, environment: dict[str, str] | None = None
) -> subprocess.Popen[str]:
    """Run a command as a user does who has sourced the workspace."""
    return subprocess.Popen(
        ["bash", "-c", f"source install/setup.bash && {command}"],
        cwd=workspace,
        env={**colcon_environment(), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_versions_agree() -> None:
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    assert f'version="{manifest.findtext("version")}"' in (ROOT / "setup.py").read_text()


def test_the_continuous_integration_runs_the_command_of_the_readme() -> None:
    run = subprocess.run(
        ["bash", str(ROOT / ".ci/run"), "--print"], capture_output=True, text=True, check=True
    )
    command = run.stdout.strip()
    assert command.endswith("-m pytest")
    marked = (ROOT / "README.md").read_text().partition("<!-- test-command -->")[2]
    assert marked.lstrip().startswith(f"```sh\n{command}\n```")


def test_every_pin_names_one_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert "torch==2.13.0" in pins
    assert all(pin.partition(";")[0].count("==") == 1 for pin in pins)
