"""The environment variables of the nodes, and of this process where it talks to them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pamiq_ros.graph import environment

LOCAL_VARIABLES = ("ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_LOCALHOST_ONLY")


def shared_variables(
    base: Mapping[str, str], log_dir: Path | None, local_only: bool
) -> dict[str, str]:
    """What to add to the environment of this process and of the nodes.

    Args:
        base: The environment as it is.
        log_dir: Folder for the logs that ROS itself writes; None to leave that as it is.
        local_only: Whether to keep the graph on this machine, unless the user chose a range.
    """
    added = environment(base)
    if log_dir is not None:
        added["ROS_LOG_DIR"] = str(log_dir)
    if local_only and not any(base.get(name) for name in LOCAL_VARIABLES):
        # Humble knows the older name alone, and the ones after it warn about that one.
        humble = base.get("ROS_DISTRO") == "humble"
        added.update({LOCAL_VARIABLES[1]: "1"} if humble else {LOCAL_VARIABLES[0]: "LOCALHOST"})
    return added


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
