"""`pamiq-ros` of this checkout as a user calls it, on this machine and a domain of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_HERE = Path(__file__).parent
DOMAIN = 60 + os.getpid() % 40
"""`ROS_DOMAIN_ID`: benchmarks beside each other are each alone."""


def command(*arguments: str) -> list[str]:
    """The words of a call."""
    return [sys.executable, "-m", "pamiq_ros.cli.main", *arguments]


def own_environment(**more: str) -> dict[str, str]:
    """The environment that it is called in; the benchmarks' modules can be imported there too."""
    known = os.environ.get("PYTHONPATH", "")
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, (str(_HERE.parent), str(_HERE), known))),
        "ROS_DOMAIN_ID": str(DOMAIN),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        **more,
    }


def pamiq(folder: Path, *arguments: str, **more: str) -> None:
    """Call it in a folder and wait for its end; ends this process if it fails, with what it said.

    Args:
        folder: Where it works.
        arguments: Its arguments.
        more: Of its environment.
    """
    words = command(*arguments)
    environment = own_environment(**more)
    done = subprocess.run(
        words, env=environment, capture_output=True, text=True, cwd=folder, check=False
    )
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stdout}{done.stderr}")
