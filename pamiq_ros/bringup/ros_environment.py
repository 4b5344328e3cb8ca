"""The environment variables of the nodes, and of this process where it talks to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pamiq_ros.bringup import environment

RANGE, HUMBLES_VARIABLE = LOCAL_VARIABLES = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY")


def shared_variables(base: Mapping[str, str], log_dir: Path | None) -> dict[str, str]:
    """What to add to the environment of this process and of the nodes.

    The graph stays on this machine unless the user chose a range.

    Args:
        base: The environment as it is.
        log_dir: Folder for the logs that ROS itself writes; None to leave that as it is.
    """
    added = environment(base)
    if log_dir is not None:
        added["ROS_LOG_DIR"] = str(log_dir)
    if not any(base.get(name) for name in LOCAL_VARIABLES):
        added.update({HUMBLES_VARIABLE: "1"} if _is_humble(base) else {RANGE: "LOCALHOST"})
    return added


def range_text(base: Mapping[str, str], added: Mapping[str, str]) -> str:
    """Which machines the nodes talk to, for the user; empty where the user chose that.

    Args:
        base: The environment as it was.
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
    # It knows the older name alone, and the ones after it warn about that one.
    return base.get("ROS_DISTRO") == "humble"


def node_variables(base: Mapping[str, str]) -> dict[str, str]:
    """The environment of a node, for whom this process is the parent.

    Args:
        base: The environment of this process.
    """
    from pamiq_ros.nodes.main import PARENT_VARIABLE

    return {
        **base,
        PARENT_VARIABLE: str(os.getpid()),
        "PYTHONUNBUFFERED": "1",  # a log that stops before the last words helps nobody
        "RCUTILS_COLORIZED_OUTPUT": "0",
    }
