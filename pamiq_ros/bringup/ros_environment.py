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

"""The package's own files, and the environment variables of the nodes and of `pamiq-ros`."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = "pamiq_ros"

RANGE, HUMBLES_VARIABLE = LOCAL_VARIABLES = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY")

_FAST_DDS = ("", "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")
_PROFILES_FILE = "FASTDDS_DEFAULT_PROFILES_FILE"
_PROFILES_FILE_BEFORE_3 = "FASTRTPS_DEFAULT_PROFILES_FILE"
_DISTRIBUTIONS_BEFORE_3 = ("humble", "iron", "jazzy")
_USERS_CHOICES = (_PROFILES_FILE, _PROFILES_FILE_BEFORE_3, "FASTDDS_BUILTIN_TRANSPORTS")


def share_file(relative: str) -> Path:
    """Find a file of the package that is not Python, such as `config/fastdds.xml`.

    The copy that belongs to the running code comes first, so that two installations on one
    machine don't mix: the source tree for an editable installation, else `share/pamiq_ros` of the
    prefix in which the code is installed.

    Args:
        relative: Path within the package's share folder.

    Returns:
        The file's absolute path.

    Raises:
        FileNotFoundError: It does not exist; names every folder that was searched.
    """
    tried = []
    for folder in _share_folders():
        candidate = folder / relative
        if candidate.exists():
            return candidate
        tried.append(str(folder))
    raise FileNotFoundError(f"{relative} of {PACKAGE}: found in none of {', '.join(tried)}")


def _share_folders() -> Iterator[Path]:
    here = Path(__file__).resolve()
    source_tree = here.parents[2]
    if (source_tree / "package.xml").is_file():
        yield source_tree
    # lib/pythonX.Y/site-packages is a different number of folders deep on each system.
    for prefix in here.parents[3:]:
        yield prefix / "share" / PACKAGE
    for text in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep):
        if text:
            yield Path(text) / "share" / PACKAGE
    yield Path(sys.prefix) / "share" / PACKAGE


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """Return the variables to add to the environment of the nodes; empty for none.

    Gives Fast DDS the package's profile, which keeps images and weights in shared memory. A user
    who chose another middleware, another profile or transports keeps that choice.

    Args:
        base: The environment without these variables.
    """
    if base.get("RMW_IMPLEMENTATION", "") not in _FAST_DDS:
        return {}
    if any(base.get(name) for name in _USERS_CHOICES):
        return {}
    # Each generation of Fast DDS ignores the other's variable, or warns of it.
    variable = _PROFILES_FILE_BEFORE_3 if _is_before_3(base) else _PROFILES_FILE
    return {variable: str(share_file("config/fastdds.xml"))}


def _is_before_3(base: Mapping[str, str]) -> bool:
    if distribution := base.get("ROS_DISTRO", ""):
        return distribution in _DISTRIBUTIONS_BEFORE_3
    # ROS 2 as wheels sets no variable. The package of Fast DDS is called `fastdds` from 3 on.
    return importlib.util.find_spec("fastrtps") is not None


def shared_variables(base: Mapping[str, str], log_dir: Path | None) -> dict[str, str]:
    """Return the variables to add to the environment of `pamiq-ros` and of the nodes.

    The graph stays on this machine unless the user chose a range.

    Args:
        base: The environment without these variables.
        log_dir: Folder for ROS's own logs; None to leave that unchanged.
    """
    added = environment(base)
    if log_dir is not None:
        added["ROS_LOG_DIR"] = str(log_dir)
    if not any(base.get(name) for name in LOCAL_VARIABLES):
        added.update({HUMBLES_VARIABLE: "1"} if _is_humble(base) else {RANGE: "LOCALHOST"})
    return added


def range_text(base: Mapping[str, str], added: Mapping[str, str]) -> str:
    """Return which machines the nodes talk to, for the user; empty if the user chose that.

    Args:
        base: The environment before.
        added: What `shared_variables` adds to it.
    """
    if not any(name in added for name in LOCAL_VARIABLES):
        return ""
    more = f"{HUMBLES_VARIABLE}=0" if _is_humble(base) else f"{RANGE}=SUBNET"
    return (
        "Nodes of other machines are neither seen nor driven; for a robot on another machine, "
        f"set {more}"
    )


def _is_humble(base: Mapping[str, str]) -> bool:
    # Humble knows only the older variable, and later distributions warn about it.
    return base.get("ROS_DISTRO") == "humble"


def node_variables(base: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a node that is a child of this process.

    Args:
        base: The environment of this process.
    """
    from pamiq_ros.nodes.process import PARENT_VARIABLE

    return {
        **base,
        PARENT_VARIABLE: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",  # so that the log has the last lines of a killed node
        "RCUTILS_COLORIZED_OUTPUT": "0",
    }
