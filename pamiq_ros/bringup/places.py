"""Where the package's own files lie, and the environment its nodes run in."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

PACKAGE = "pamiq_ros"

_FAST_DDS = ("", "rmw_fastrtps_cpp", "rmw_fastrtps_dynamic_cpp")
_PROFILES_FILE = "FASTDDS_DEFAULT_PROFILES_FILE"
_PROFILES_FILE_BEFORE_3 = "FASTRTPS_DEFAULT_PROFILES_FILE"
_DISTRIBUTIONS_BEFORE_3 = ("humble", "iron", "jazzy")
_USERS_CHOICES = (_PROFILES_FILE, _PROFILES_FILE_BEFORE_3, "FASTDDS_BUILTIN_TRANSPORTS")


def share_file(relative: str) -> Path:
    """Find one of the package's files that are no Python, such as `config/fastdds.xml`.

    The copy that belongs to the running code comes first, so that two installations on one
    machine don't mix: the source tree for an editable installation, else `share/pamiq_ros` of the
    prefix that the code is installed in.

    Args:
        relative: Path within the package's share folder.

    Returns:
        The file's absolute path.

    Raises:
        FileNotFoundError: It is nowhere; names every place that was tried.
    """
    tried = []
    for folder in _share_folders():
        candidate = folder / relative
        if candidate.exists():
            return candidate
        tried.append(str(folder))
    raise FileNotFoundError(f"{relative} of {PACKAGE}: found in none of {', '.join(tried)}")


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """What to add to the environment of the nodes.

    Gives Fast DDS the package's profile, which keeps pictures and weights in shared memory. A user
    who chose another middleware, an own profile or own transports keeps that choice.

    Args:
        base: The environment that the nodes would have without this.

    Returns:
        The variables to add; empty where there is nothing to add.
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
