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

"""`pamiq-ros evaluate`, `analyze` and `export`: results of states and bags, without nodes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from .checks import check_installed
from .offline import choice_of, failures, offline_options, output

_MOST_COLUMNS = 3
_FILE_WIDTH = 1000
_BARS = " ▁▂▃▄▅▆▇█"
_EVALUATE_EXAMPLES = """\b
Examples:
  pamiq-ros evaluate vae --state none --state latest friday
  pamiq-ros evaluate vae --state latest friday --html report.html --json report.json
"""
_ANALYZE_EXAMPLES = """\b
Examples:
  pamiq-ros analyze drive
  pamiq-ros analyze monday tuesday --output normalization.json
"""
_EXPORT_EXAMPLES = """\b
Examples:
  pamiq-ros record -o drive --weights 10
  pamiq-ros export drive exported
  pamiq-ros export drive exported --lerobot
"""


@click.command(epilog=_EVALUATE_EXAMPLES)
@click.argument("system")
@click.argument("bags", nargs=-1, required=True)
@click.option(
    "--state", "states", multiple=True, metavar="STATE", default=("latest",), show_default=True,
    help="Id of a state, latest, or none for initial weights; repeatable.",
)  # fmt: skip
@click.option("--html", metavar="FILE", help="Write a report with plots and images.")
@click.option("--json", "json_file", metavar="FILE", help="Write all values as JSON.")
@offline_options
def evaluate(
    system: str,
    bags: tuple[str, ...],
    states: tuple[str, ...],
    html: str | None,
    json_file: str | None,
    **choices: Any,
) -> None:
    """Evaluate states of SYSTEM on BAGS, side by side.

    The metrics are those of the system's evaluators, and how far its commands are from the recorded
    ones. Less is better in each.
    """
    if html:
        check_installed("report")
    choice = choice_of(system, choices)
    from pamiq_ros.offline.evaluation import evaluate as run
    from pamiq_ros.offline.report import as_html, as_json, table

    with failures():
        with output() as shown:
            paths = [Path(bag) for bag in bags]
            results = run(choice, states, paths, shown.say, shown.on_progress)
        print_table(list(results), table(results))
        if json_file:
            _write(json_file, lambda: json.dumps(as_json(results, bags), allow_nan=False))
        if html:
            _write(html, lambda: as_html(results, f"{system}: {', '.join(results)}", bags))


def _write(path: str, make: Callable[[], str]) -> None:
    Path(path).write_text(make(), encoding="utf-8")
    click.echo(f"Written: {path}")


def print_table(
    states: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[float, bool]]]]
) -> None:
    """Print metrics by state, the best of each highlighted; with many states, one row per state.

    Args:
        states: Names of the states.
        rows: For each metric its value in each state, and whether it is the best.
    """
    from rich.console import Console  # takes a while to import
    from rich.table import Table

    def cell(value: float, is_best: bool) -> str:
        return f"[bold green]{value:.5g}[/]" if is_best else f"{value:.5g}"

    cells = [[cell(value, best) for value, best in values] for _, values in rows]
    names = [name for name, _ in rows]
    if len(states) > _MOST_COLUMNS:
        table = Table("state", *names)
        for state, column in zip(states, zip(*cells, strict=True), strict=True):
            table.add_row(state, *column)
    else:
        table = Table("metric", *states)
        for name, row in zip(names, cells, strict=True):
            table.add_row(name, *row)
    # A file is wide enough for every cell.
    Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(table)


@click.command(epilog=_ANALYZE_EXAMPLES)
@click.argument("bags", nargs=-1, required=True)
@click.option(
    "-o", "--output", metavar="FILE", default="normalization.json", show_default=True,
    help="File for the specification.",
)  # fmt: skip
def analyze(bags: tuple[str, ...], output: str) -> None:
    """Learn from BAGS how to normalise each channel, and show histograms before and after.

    Channels are the numbers of sensors and velocity commands, and the colours of images. Each is
    constant, binary, categorical, normal, bounded, skewed (Box-Cox) or of another distribution
    (quantiles). Systems load the specification with `pamiq_ros.core.load_normalizer`.
    """
    check_installed("ros", "torch", "bags")
    from pamiq_ros.offline.analysis import analyze as run  # torch takes seconds to import

    with failures():
        findings = run([Path(bag) for bag in bags], Path(output), click.echo)
    width = max(len(found.channel.name) for found in findings)
    for topic, group in groupby(findings, lambda found: found.topic):
        click.echo(topic)
        for found in group:
            channel, before, after = found.channel, bars(found.before), bars(found.after)
            click.echo(f"  {channel.name:<{width}}  {channel.kind:<11}  |{before}|  |{after}|")
    click.echo(f"Written: {output}")


def bars(counts: Sequence[int]) -> str:
    """Return a histogram as one line of text."""
    most = max(counts, default=0)
    if not most:
        return ""
    return "".join(_BARS[-(-count * (len(_BARS) - 1) // most)] for count in counts)


@click.command(epilog=_EXPORT_EXAMPLES)
@click.argument("bag")
@click.argument("folder")
@click.option(
    "--lerobot", is_flag=True,
    help="Also write each buffer's steps as a LeRobotDataset v3, in lerobot/<buffer>.",
)  # fmt: skip
def export(bag: str, folder: str, lerobot: bool) -> None:
    """Write the weights and the experience in BAG as files in FOLDER.

    weights/<model>.safetensors is the newest complete version of each model; experience/<buffer>
    has the steps in safetensors files, and dataset.json, which describes them.
    """
    check_installed("ros", "bags", *(["lerobot"] if lerobot else []))
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise click.BadParameter(
            f"expected a new or an empty folder, found {folder}", param_hint="'FOLDER'"
        )
    from pamiq_ros.offline.bags import Bag
    from pamiq_ros.offline.export import export as run  # torch takes seconds to import

    with failures():
        with Bag(Path(bag)) as opened:
            for warning in opened.warnings:
                click.echo(warning)
            written = run(opened, target, click.echo, lerobot)
        if not written:
            text = f"{bag}: expected weights or experience of pamiq_ros, found none"
            raise ValueError(text)
