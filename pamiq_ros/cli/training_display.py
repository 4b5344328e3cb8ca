"""What is shown while bags are gone through: progress with the time left, losses, a table."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

_LINE_PERIOD_S = 5.0
_SHOW_PERIOD_S = 0.1
_MOST_BESIDE = 3
_FILE_WIDTH = 1000


class TrainingDisplay:
    """A progress bar on a terminal, a line every five seconds elsewhere.

    Args:
        metrics: The newest value of each metric, as it changes.
    """

    def __init__(self, metrics: Mapping[str, float]) -> None:
        self._metrics = metrics
        self._live = sys.stdout.isatty()
        self._began = self._line = self._shown = time.monotonic()
        columns = (
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metrics]}"),
        )
        self._progress = Progress(*columns, disable=not self._live)
        self._task = self._progress.add_task("", total=1.0, metrics="")

    def __enter__(self) -> TrainingDisplay:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        """Print a line."""
        if self._live:
            self._progress.console.print(text, markup=False, highlight=False)
        else:
            click.echo(text)

    def progress(self, share: float) -> None:
        """Show how much is done, from 0 to 1; cheap if called often."""
        now = time.monotonic()
        if share < 1.0 and now - self._shown < _SHOW_PERIOD_S:
            return
        self._shown = now
        metrics = "  ".join(f"{name} {value:.4g}" for name, value in self._metrics.items())
        self._progress.update(self._task, completed=share, metrics=metrics)
        if not self._live and now - self._line >= _LINE_PERIOD_S and share > 0.0:
            self._line = now
            left = (now - self._began) * (1.0 / share - 1.0)
            click.echo(f"{share:.0%} | {left:.0f} s left | {metrics}")


def print_table(
    states: Sequence[str], rows: Sequence[tuple[str, Sequence[tuple[float, bool]]]]
) -> None:
    """Print metrics by state, the best one of each set off; many states go below each other.

    Args:
        states: Names of the states.
        rows: For each metric its value in each state, and whether it is the best.
    """
    cells = [[_cell(value, best) for value, best in values] for _, values in rows]
    names = [name for name, _ in rows]
    if len(states) > _MOST_BESIDE:
        table = Table("state", *names)
        for state, column in zip(states, zip(*cells, strict=True), strict=True):
            table.add_row(state, *column)
    else:
        table = Table("metric", *states)
        for name, row in zip(names, cells, strict=True):
            table.add_row(name, *row)
    # A file has no width that anything would have to be cut to.
    Console(width=None if sys.stdout.isatty() else _FILE_WIDTH).print(table)


def _cell(value: float, is_best: bool) -> str:
    return f"[bold green]{value:.5g}[/]" if is_best else f"{value:.5g}"
