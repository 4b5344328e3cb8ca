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

"""Where the package's files are found, and the environment of the nodes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

import pamiq_ros
from pamiq_ros.bringup import environment, share_file

PROFILE = "config/fastdds.xml"


def test_a_file_that_is_nowhere_is_named_with_the_places_tried() -> None:
    with pytest.raises(FileNotFoundError, match=r"config/nothing\.yaml of pamiq_ros: .*share"):
        share_file("config/nothing.yaml")


@pytest.mark.parametrize(
    "modules", ["lib/python3.12/site-packages", "local/lib/python3.10/dist-packages"]
)
def test_an_installation_finds_the_files_of_its_own_prefix(tmp_path: Path, modules: str) -> None:
    installed = tmp_path / modules / "pamiq_ros"
    shutil.copytree(Path(pamiq_ros.__file__).parent, installed)
    profile = tmp_path / "share/pamiq_ros" / PROFILE
    profile.parent.mkdir(parents=True)
    profile.touch()
    code = f"from pamiq_ros.bringup import share_file; print(share_file({PROFILE!r}))"
    found = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path / modules)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == str(profile)


@pytest.mark.parametrize("rmw", [{}, {"RMW_IMPLEMENTATION": "rmw_fastrtps_cpp"}])
def test_fast_dds_gets_the_profile(rmw: dict[str, str]) -> None:
    added = environment({"ROS_DISTRO": "kilted", **rmw})
    assert added == {"FASTDDS_DEFAULT_PROFILES_FILE": str(share_file(PROFILE))}


@pytest.mark.parametrize(
    ("wheel", "variable"),
    [
        ("fastrtps", "FASTRTPS_DEFAULT_PROFILES_FILE"),
        ("fastdds", "FASTDDS_DEFAULT_PROFILES_FILE"),
    ],
)
def test_fast_dds_as_a_wheel_gets_the_profile_by_the_name_of_its_generation(
    wheel: str, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / wheel).mkdir()
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert environment({}) == {variable: str(share_file(PROFILE))}


@pytest.mark.parametrize("distribution", ["humble", "jazzy"])
def test_fast_dds_2_gets_the_profile_by_its_older_name(distribution: str) -> None:
    added = environment({"ROS_DISTRO": distribution})
    assert added == {"FASTRTPS_DEFAULT_PROFILES_FILE": str(share_file(PROFILE))}


@pytest.mark.parametrize(
    "chosen",
    [
        {"RMW_IMPLEMENTATION": "rmw_cyclonedds_cpp"},
        {"RMW_IMPLEMENTATION": "rmw_zenoh_cpp"},
        {"FASTDDS_DEFAULT_PROFILES_FILE": "/my.xml"},
        {"FASTRTPS_DEFAULT_PROFILES_FILE": "/my.xml"},
        {"FASTDDS_BUILTIN_TRANSPORTS": "UDPv4"},
    ],
)
def test_what_the_user_chose_stays(chosen: dict[str, str]) -> None:
    assert environment(chosen) == {}


def test_five_processes_of_the_profile_fit_in_a_containers_shared_memory() -> None:
    root = ElementTree.parse(share_file(PROFILE)).getroot()
    sizes = [element.text for element in root.iter() if element.tag.endswith("segment_size")]
    assert len(sizes) == 1
    assert 5 * 1.1 * int(sizes[0] or 0) < 64e6
