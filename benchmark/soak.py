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

"""Whether the nodes' memory stays as it is, over an hour of ticks with a swap in each second.

    python benchmark/soak.py --seconds 3600

The real nodes run as processes with the system of `load_system.py`. The reference is each node's
own memory when it had run for `--settle` seconds after the first swaps.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from machine import report
from nodes import Listener, running, wait_until

ROOMS = ("control", "training", "inference")
FIRST_SWAPS = 5


def resident_mb(process: subprocess.Popen[bytes]) -> float:
    """Memory that a process has, in MB; shared memory it has mapped counts."""
    pages = int(Path(f"/proc/{process.pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 2**20


def swaps(listener: Listener) -> int:
    """How many versions of the weights have come into use."""
    weights = listener.statistics("inference").get("weights", {})
    return int(weights.get("policy", {}).get("received", 0))


def watch(
    processes: dict[str, subprocess.Popen[bytes]], options: argparse.Namespace
) -> dict[str, list[float]]:
    """Each node's memory in MB, looked at 200 times from `--settle` to the end."""
    time.sleep(options.settle)
    found: dict[str, list[float]] = {room: [] for room in processes}
    for _ in range(200):
        for room, process in processes.items():
            if process.poll() is not None:
                raise SystemExit(f"the {room} node ended with {process.returncode}")
            found[room].append(resident_mb(process))
        time.sleep((options.seconds - options.settle) / 200)
    return found


def memory_figures(found: list[float]) -> dict[str, float]:
    """From the first tenth's median to the last tenth's, and the extremes."""
    tenth = max(1, len(found) // 10)
    first, last = statistics.median(found[:tenth]), statistics.median(found[-tenth:])
    return {
        "first_mb": round(first, 1),
        "last_mb": round(last, 1),
        "least_mb": round(min(found), 1),
        "most_mb": round(max(found), 1),
        "growth_percent": round(100 * (last / first - 1), 2),
    }


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Run the nodes and end them."""
    overrides = (
        f"overrides:=['params={options.params!r}', 'batch={options.batch}', "
        f"'steps_per_sync=1', 'run_s={options.every_s!r}']"
    )
    inference = [overrides, f"rate:={options.rate!r}"]
    with running([overrides], inference) as (listener, processes):
        # The first ones take memory that stays: the optimizer's state, the spare set of weights.
        wait_until(lambda: swaps(listener) >= FIRST_SWAPS, "the first swaps")
        memory = watch({room: processes[room] for room in ROOMS}, options)
    tick = listener.statistics("inference")
    return {
        "rate_hz": tick["rate_hz"],
        "lateness_p99_ms": tick["lateness_ms"]["p99"],
        "lateness_max_ms": tick["lateness_ms"]["max"],
        "ticks": tick["ticks"],
        "skipped": tick["skipped"],
        "swaps": swaps(listener),
        "shared": tick["weights"]["policy"]["shared"],
        "errors": sum(len(found["errors"]) for found in listener.reports.values()),
        "memory": {room: memory_figures(found) for room, found in memory.items()},
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--settle", type=float, default=60.0, help="s from the first swaps")
    parser.add_argument("--rate", type=float, default=100.0, help="ticks per s")
    parser.add_argument("--every-s", type=float, default=1.0, help="from swap to swap, in s")
    parser.add_argument("--params", type=float, default=8.7e6, help="parameters of the model")
    parser.add_argument("--batch", type=int, default=32, help="steps in a training batch")
    options = parser.parse_args()
    report("soak", seconds=options.seconds, params=options.params, **measure(options))


if __name__ == "__main__":
    main()
