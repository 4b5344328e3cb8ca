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

"""How sync latency, tick lateness and memory grow with the size of the weights and the rate.

    python benchmark/scaling.py --plot docs/images/scaling.svg

Runs `weight_sync.py`'s measurement from 1 MB to 1 GB at 100 Hz, and from 1 to 1000 Hz at 64 MB,
with both carriers. `--plot` needs matplotlib, which the extra `bench` brings.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from machine import report
from weight_sync import IDLE_S, measure, memcpy_ms

SIZES_MB = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0)
RATES_HZ = (1.0, 10.0, 100.0, 1000.0)
MIDDLE_RATE_HZ, MIDDLE_SIZE_MB = 100.0, 64.0
CARRIERS = ("shm", "topic")

Row = dict[str, Any]


def rows(options: argparse.Namespace) -> list[Row]:
    """One row for each carrier, size and rate."""
    points = [(size, MIDDLE_RATE_HZ) for size in options.sizes_mb]
    points += [(MIDDLE_SIZE_MB, rate) for rate in options.rates if rate != MIDDLE_RATE_HZ]
    return [
        {
            "carrier": carrier,
            "size_mb": size,
            "rate_hz": rate,
            "memcpy2_ms": round(2 * memcpy_ms(size, 3), 2),
            **measure(size, carrier, rate, options.swaps, every_s=0.2, idle_s=options.idle_s),
        }
        for carrier in options.carriers
        for size, rate in points
    ]


def plot(found: list[Row], file: Path) -> None:
    """Draw latency, lateness and memory over size, and lateness over rate."""
    import matplotlib.pyplot as plt
    from matplotlib.ticker import FormatStrFormatter, NullFormatter

    figure, axes = plt.subplots(2, 2, figsize=(10, 7), layout="constrained")
    panels = (
        (axes[0, 0], "size_mb", "latency_ms", "hand-over to first tick (ms), 100 Hz"),
        (axes[0, 1], "size_mb", "lateness_p99_ms", "tick lateness p99 (ms), 100 Hz"),
        (axes[1, 0], "size_mb", "robot_rss_mb", "memory of the ticking process (MB)"),
        (axes[1, 1], "rate_hz", "lateness_p99_ms", "tick lateness p99 (ms), 64 MB"),
    )
    for axis, x, y, title in panels:
        other, middle = (
            ("rate_hz", MIDDLE_RATE_HZ) if x == "size_mb" else ("size_mb", MIDDLE_SIZE_MB)
        )
        for carrier in sorted({row["carrier"] for row in found}):
            of_carrier = [r for r in found if r["carrier"] == carrier and r[other] == middle]
            points = sorted((row[x], row[y]) for row in of_carrier)
            axis.loglog(*zip(*points, strict=True), marker="o", label=carrier)
        if y == "latency_ms":
            copies = {r["size_mb"]: r["memcpy2_ms"] for r in found}
            axis.loglog(*zip(*sorted(copies.items()), strict=True), "k:", label="two copies")
        if y == "lateness_p99_ms":
            axis.set_ylim(0.05, 20.0)
        for numbers in (axis.xaxis, axis.yaxis):
            numbers.set_major_formatter(FormatStrFormatter("%g"))
            numbers.set_minor_formatter(NullFormatter())
        axis.set_title(title)
        axis.set_xlabel("weights (MB)" if x == "size_mb" else "rate (Hz)")
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(file)


def main() -> None:
    """Measure, draw and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes-mb", type=float, nargs="+", default=SIZES_MB, help="at 100 Hz")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES_HZ, help="Hz, with 64 MB")
    parser.add_argument("--carriers", nargs="+", choices=CARRIERS, default=CARRIERS)
    parser.add_argument("--swaps", type=int, default=5)
    parser.add_argument("--idle-s", type=float, default=IDLE_S, help="ticks without transfers")
    parser.add_argument("--plot", type=Path, help="SVG or PNG file to draw")
    options = parser.parse_args()
    found = rows(options)
    if options.plot is not None:
        plot(found, options.plot)
    report("scaling", rows=found)


if __name__ == "__main__":
    main()
