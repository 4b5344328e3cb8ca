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

"""640x480x3 frames from a robot's tick into a learner's buffer: what is lost, and how fast it goes.

A robot's process and a learner's, made of the package's own classes, over rclpy and the package's
Fast DDS profile: first at 100 Hz, then at rising rates until something is lost, then at more than
can pass. The reference is a plain rclpy publisher in the tick, with Fast DDS as it comes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

FRAME_MB = 480 * 640 * 3 / 1e6
RATES_HZ = (250, 350, 450, 550, 650, 750, 900)
OVERLOAD_HZ = 1000
START_S = 30.0
STALLED_S = 0.7  # nothing more comes after so long without news

Figures = dict[str, Any]


def main() -> None:
    """Run both ways and print the one line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="of the part at a fixed rate")
    parser.add_argument("--rate", type=float, default=100.0, help="frames per s in that part")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES_HZ, help="rising rates, Hz")
    parser.add_argument("--seconds-per-rate", type=float, default=1.5, help="for each of these")
    options = parser.parse_args()
    from machine import report
    from processes import own_environment, with_profile, without_profile

    plain = without_profile(own_environment(OMP_NUM_THREADS="1"))
    rising = (options.rates, options.seconds_per_rate)
    with Pair("sender", "receiver", with_profile(plain)) as pair:
        fixed = pair.run(options.rate, options.seconds)
        best = pair.highest_rate(fixed, *rising)
        overload = pair.run(OVERLOAD_HZ, options.seconds_per_rate)
        state = pair.ask(pair.receiver, do="statistics")
    with Pair("plain_sender", "plain_receiver", plain) as pair:
        reference = pair.run(options.rate, min(3.0, options.seconds))
        reference_best = pair.highest_rate(reference, *rising)
    report(
        "experience_throughput",
        lost=fixed["lost"],
        collect_p99_us=fixed["collect_p99_us"],
        max_mb_per_s=best,
        collect_p50_us=fixed["collect_p50_us"],
        collect_max_us=fixed["collect_max_us"],
        lateness_p99_ms=fixed["lateness_p99_ms"],
        lateness_max_ms=fixed["lateness_max_ms"],
        frames=fixed["collected"],
        skipped=fixed["skipped"],
        **{key: state[key] for key in ("duplicates", "malformed", "rejected", "torn")},
        overload_mb_per_s=overload["mb_per_s"],
        overload_collect_p99_us=overload["collect_p99_us"],
        overload_lateness_p99_ms=overload["lateness_p99_ms"],
        overload_collected=overload["collected"],
        overload_received=overload["received"],
        overload_dropped_by_sender=overload["dropped"],
        overload_uncounted=overload["collected"] - overload["received"] - overload["counted"],
        reference_lost=reference["lost"],
        reference_collect_p99_us=reference["collect_p99_us"],
        reference_lateness_p99_ms=reference["lateness_p99_ms"],
        reference_mb_per_s=reference_best,
        memcpy_mb_per_s=memcpy_mb_per_s(),
        seconds=options.seconds,
        rate_hz=options.rate,
    )


class Pair:
    """A sender's and a receiver's process, ended together."""

    def __init__(self, sender: str, receiver: str, environment: dict[str, str]) -> None:
        roles = str(Path(__file__).with_name("experience_roles.py"))
        self.receiver, self.sender = (
            subprocess.Popen(
                [sys.executable, roles, role],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            for role in (receiver, sender)
        )

    def __enter__(self) -> Pair:
        """Wait until frames arrive."""
        self.ask(self.receiver, do="received")
        deadline = time.monotonic() + START_S
        while self.ask(self.receiver, do="received") == 0:
            if time.monotonic() > deadline:
                raise RuntimeError(f"nothing arrived within {START_S:g} s")
            self.ask(self.sender, do="run", rate=10.0, seconds=0.2)
        time.sleep(0.5)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End both."""
        for process in (self.sender, self.receiver):
            process.kill()
            process.wait()

    def ask(self, process: subprocess.Popen[str], **command: Any) -> Any:
        """Send a command to a process and wait for its answer."""
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(command) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process ended while it was asked {command}")
        return json.loads(line)

    def run(self, rate: float, seconds: float) -> Figures:
        """Let the sender tick, then wait until all has arrived or nothing more comes."""
        before = self.ask(self.receiver, do="statistics")
        sent = self.ask(self.sender, do="run", rate=rate, seconds=seconds)
        expected = before["received"] + sent["collected"]
        received, since = 0, time.monotonic()
        while received < expected and time.monotonic() < since + STALLED_S:
            time.sleep(0.02)
            newest = self.ask(self.receiver, do="received")
            if newest != received:
                received, since = newest, time.monotonic()
        after = self.ask(self.receiver, do="statistics")
        received = after["received"] - before["received"]
        elapsed = max(after["newest"] - sent["began"], seconds)
        return sent | {
            "received": received,
            "lost": sent["collected"] - received,
            "counted": after.get("lost", 0) - before.get("lost", 0),
            "mb_per_s": round(received * FRAME_MB / elapsed, 1),
        }

    def highest_rate(self, first: Figures, rates: Iterable[float], seconds: float) -> float:
        """The most MB/s that arrived complete, at rising rates until something is lost."""
        best = 0.0 if first["lost"] else first["mb_per_s"]
        for rate in rates:
            found = self.run(rate, seconds)
            if found["lost"]:
                break
            best = max(best, found["mb_per_s"])
        return best


def memcpy_mb_per_s() -> float:
    """How fast one thread copies frames from one place in memory to another."""
    torch.set_num_threads(1)
    frames = torch.zeros(200, 480 * 640 * 3, dtype=torch.uint8)
    into = torch.zeros_like(frames)
    times = []
    for _ in range(5):
        begin = time.perf_counter()
        into.copy_(frames)
        times.append(time.perf_counter() - begin)
    return round(200 * FRAME_MB / sorted(times)[2])


if __name__ == "__main__":
    main()
