"""The one JSON line that every benchmark prints, with the machine it was measured on."""

from __future__ import annotations

import json
import os
import platform
import sys
from typing import Any


def report(benchmark: str, **figures: Any) -> None:
    """Print the result of a benchmark.

    Args:
        benchmark: The script's name without `.py`.
        figures: What was measured, its unit in each name.
    """
    import torch

    machine = {
        "cpus": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "load_before": round(_LOAD, 2),
    }
    sys.stdout.write(json.dumps({"benchmark": benchmark, **figures, "machine": machine}) + "\n")
    sys.stdout.flush()


_LOAD = os.getloadavg()[0]
