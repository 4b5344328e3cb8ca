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

"""How long new weights take from a learner to the first tick with them, and what the tick feels.

    python benchmark/weight_sync.py --size-mb 200 --carrier shm

Two processes on one machine: one hands weights to the package's sender, the other ticks at a fixed
rate and swaps. In the same run: two plain copies of as many bytes in memory, the same ticks without
transfers, and the same transfer as one latched message of its size.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

from machine import report
from processes import own_environment, with_profile

ROLES = Path(__file__).with_name("weight_roles.py")
LONGEST_S = 30.0
IDLE_S = 5.0


class Role:
    """One of the two processes, asked by lines."""

    def __init__(self, *arguments: object) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(ROLES), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=with_profile(own_environment()),
        )
        self.errors: list[str] = []

    def hear(self) -> dict[str, Any]:
        """The next answer; errors are kept."""
        assert self._process.stdout is not None
        while True:
            line = self._process.stdout.readline()
            if not line:
                raise SystemExit(f"a process ended with {self._process.wait()}: {self.errors}")
            content = json.loads(line)
            if "error" not in content:
                return dict(content)
            self.errors.append(content["error"])

    def ask(self, word: str) -> dict[str, Any]:
        """Say a word and hear the answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n")
        self._process.stdin.flush()
        return self.hear()

    def end(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(10.0)


def memcpy_ms(size_mb: float, times: int = 9) -> float:
    """Median time of one copy of `size_mb` MB to memory that has been written before, in ms."""
    torch.set_num_threads(1)
    source = torch.ones(int(size_mb * 2**20) // 4)
    target = torch.zeros_like(source)
    found = []
    for _ in range(times):
        began = time.perf_counter()
        target.copy_(source)
        found.append(time.perf_counter() - began)
    return statistics.median(found) * 1e3


def measure(
    size_mb: float,
    carrier: str,
    rate: float,
    swaps: int,
    every_s: float,
    priority: int = 20,
    idle_s: float = IDLE_S,
) -> dict[str, Any]:
    """Transfer `swaps` versions after a first one.

    Args:
        size_mb: Size of the weights in MB (2**20 bytes).
        carrier: `shm`, `topic` or `single_message`.
        rate: Ticks per second.
        swaps: How many versions are measured.
        every_s: Time from one version's arrival to the next one's start, in s.
        priority: Real-time priority of the tick, as the inference node's parameter; 0 for none.
        idle_s: How long the ticks run without transfers, in s.

    Returns:
        Times in ms: `latency_ms` (median from the call that hands over to the first tick with it),
        `latency_max_ms`, `handover_ms` (median time of that call), `lateness_p50_ms`,
        `lateness_p99_ms`, `lateness_max_ms`, and the same of a time without transfers, `idle_*`;
        `ticks`; memory of both processes in MB.
    """
    robot = Role("robot", size_mb, carrier, rate, priority)
    learner = Role("learner", size_mb, carrier)
    try:
        robot.hear(), learner.hear()
        time.sleep(1.0)  # until the two have found each other
        robot.ask("start")
        _transfer(robot, learner, 1)
        robot.ask("forget")
        time.sleep(idle_s)
        idle = robot.ask("forget")["lateness"]
        rows = []
        for version in range(2, swaps + 2):
            time.sleep(every_s)
            rows.append(_transfer(robot, learner, version))
        ended = robot.ask("end")
    finally:
        robot.end()
        learner.end()
    if robot.errors or learner.errors:
        raise SystemExit(f"expected no errors, found {robot.errors + learner.errors}")
    latencies = [row[0] for row in rows]
    lateness = ended["lateness"]
    return {
        "latency_ms": round(statistics.median(latencies), 1),
        "latency_max_ms": round(max(latencies), 1),
        "handover_ms": round(statistics.median(row[1] for row in rows), 1),
        "lateness_p50_ms": lateness["p50"],
        "lateness_p99_ms": lateness["p99"],
        "lateness_max_ms": lateness["max"],
        "idle_lateness_p99_ms": idle["p99"],
        "idle_lateness_max_ms": idle["max"],
        "ticks": ended["ticks"],
        "robot_rss_mb": ended["rss_mb"],
        "learner_rss_mb": rows[-1][2],
    }


def _transfer(robot: Role, learner: Role, version: int) -> tuple[float, float, float]:
    sent = learner.ask("send")
    deadline = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline:
        used = robot.ask("used")["used"]
        if str(version) in used:
            latency = used[str(version)] - sent["asked"]
            return latency * 1e3, (sent["handed_over"] - sent["asked"]) * 1e3, sent["rss_mb"]
        time.sleep(0.05)
    errors = robot.errors + learner.errors
    raise SystemExit(
        f"expected version {version} within {LONGEST_S:g} s, found {sorted(used)}, errors {errors}"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size-mb", type=float, default=200.0)
    parser.add_argument("--carrier", choices=("shm", "topic"), default="shm")
    parser.add_argument("--rate", type=float, default=100.0, help="ticks per second")
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--every-s", type=float, default=0.5, help="pause between two versions")
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="ticks without transfers")
    parser.add_argument("--realtime-priority", type=int, default=20, help="0: none")
    options = parser.parse_args()
    one, size = memcpy_ms(options.size_mb), options.size_mb
    pace = (options.every_s, options.realtime_priority, options.idle_s)
    ours = measure(size, options.carrier, options.rate, options.swaps, *pace)
    single = measure(size, "single_message", options.rate, min(5, options.swaps), *pace)
    report(
        "weight_sync",
        size_mb=size,
        carrier=options.carrier,
        rate_hz=options.rate,
        realtime_priority=options.realtime_priority,
        swaps=options.swaps,
        memcpy2_ms=round(2 * one, 1),
        memcpy2_after_ms=round(2 * memcpy_ms(size), 1),
        latency_over_memcpy2=round(ours["latency_ms"] / (2 * one), 2),
        **ours,
        single_message=single,
    )


if __name__ == "__main__":
    main()
