"""Trial: the system is made once, in a process of its own, before any node starts.

A wrong override, configuration or system is told after one start of torch, instead of after two
nodes have loaded it side by side. This process never loads torch, which would slow its end.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

_MODULE = "pamiq_ros.core.trial"


def try_system(system: str, config_file: str, overrides: Sequence[str]) -> str:
    """Make a system the way the nodes will, in a process that ends with it.

    Args:
        system: The system's name, as the nodes get it.
        config_file: YAML file with its configuration; empty for none.
        overrides: `key=value` texts.

    Returns:
        What is wrong with it; empty if nothing is, or if the trial itself died: then the nodes
        will say more.
    """
    question = json.dumps([system, config_file, list(overrides)])
    done = subprocess.run(
        [sys.executable, "-m", _MODULE], input=question, capture_output=True, text=True
    )
    answers = done.stdout.splitlines()
    return str(json.loads(answers[-1])) if done.returncode == 0 and answers else ""
