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

"""The one JSON line that every benchmark prints, with the machine it was measured on."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any


def report(benchmark: str, **figures: Any) -> None:
    """Print the result of a benchmark.

    Args:
        benchmark: The script's name without `.py`.
        figures: What was measured, its unit in each name.
    """
    machine = {
        "cpus": len(os.sched_getaffinity(0)),
        "processor": platform.machine(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "load_before": round(_LOAD, 2),
        "stolen_ms": round((_stolen_s() - _STOLEN_S) * 1e3),
    }
    sys.stdout.write(json.dumps({"benchmark": benchmark, **figures, "machine": machine}) + "\n")
    sys.stdout.flush()


def _stolen_s() -> float:
    # What the host gave to others while this virtual machine wanted to run (proc(5), "steal").
    try:
        line = Path("/proc/stat").read_text(encoding="ascii").partition("\n")[0]
    except OSError:
        return 0.0
    return int(line.split()[8]) / os.sysconf("SC_CLK_TCK")


_STOLEN_S = _stolen_s()
_LOAD = os.getloadavg()[0]
