"""The live display's picture: a view drawn with rich, for a terminal of 80 by 24 and larger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pamiq_ros.bringup.log_tail import Notice

from . import figures
from .status import Status, number
from .view import View

WIDEST = 100
_STATE_STYLES = {
    "active": "bold green",
    "paused": "bold yellow",
    "error": "bold red",
    "shutdown": "bold blue",
}
_LEVEL_STYLES = {"WARN": "yellow", "ERROR": "red", "FATAL": "bold red"}
_MOST_METRICS = 4
_BAR_COLUMNS = 24
_MOST_BUFFERS = 2

Row = tuple[str, RenderableType]


def draw(view: View, notices: Sequence[Notice], width: int) -> RenderableType:
    """Draw a view.

    Args:
        view: What to show.
        notices: The nodes' newest warnings and errors, to be shown below.
        width: Columns of the terminal.
    """
    width = min(width, WIDEST)
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    for label, content in rows(view):
        grid.add_row(label, content)
    state = Text(f"{view.title} · ")
    state.append(view.state, _STATE_STYLES.get(view.state, "bold"))
    state.append(f" · {view.time}")
    hint = "Ctrl-C stops the robot, then the rest"
    if view.stopping:
        hint = "Stopped" if view.state == "shutdown" else "Stopping, the robot first"
    panel = Panel(grid, title=state, subtitle=Text(hint), width=width, title_align="left",
                  subtitle_align="left", border_style="dim")  # fmt: skip
    return Group(panel, *(_notice(notice, width) for notice in notices))


def rows(view: View) -> Iterator[Row]:
    """What is known of a run, as pairs of a label and a content."""
    yield "robot", _robot(view)
    status = view.status or Status({})
    inference = status.table("report", "inference")
    ticks = f"   {figures.count(inference['ticks'])} ticks" if "ticks" in inference else ""
    yield "tick rate", f"{figures.rate(status)}{ticks}"
    for label, key in (
        ("lateness", "lateness_ms"),
        ("compute", "compute_ms"),
        ("observation age", "observation_age_ms"),
    ):
        yield label, figures.percentiles(status.table("report", "inference", key))
    yield from _learning_rows(status)
    times = figures.restarts(view.status, view.restarts)
    yield "restarts", ", ".join(f"{room} {n}" for room, n in times.items()) or "none"
    errors = status.errors
    newest = Text(f"({len(errors)}) {errors[-1]}", "red") if errors else Text("none")
    yield "newest error", newest


def _learning_rows(status: Status) -> Iterator[Row]:
    training = status.table("report", "training")
    acting = status.number("report", "inference", "weights_version")
    acts = f"version {figures.count(acting)} acts" if acting else "none yet"
    # The two nodes report at different moments: what acts may be newer than the last report.
    newest = max(acting or 0, number(training.get("weights_version")) or 0)
    yield "weights", acts + (f", {figures.count(newest)} is the newest" if newest else "")
    for name, counts in [*figures.experience(status)][:_MOST_BUFFERS]:
        sent, received, lost = (figures.count(counts.get(k)) for k in ("sent", "received", "lost"))
        yield f"sent · {name}", f"{sent} steps, {received} received, {lost} lost"
    for name, size, capacity in [*figures.buffers(status)][:_MOST_BUFFERS]:
        yield f"buffer · {name}", _fill(size, capacity)
    yield "updates", figures.count(training.get("updates"))
    metrics = [*figures.metrics(status)]
    for name, values in metrics[:_MOST_METRICS]:
        yield name, figures.trend(values)
    if len(metrics) > _MOST_METRICS:
        yield "", f"and {len(metrics) - _MOST_METRICS} metrics more on pamiq/metrics"


def _robot(view: View) -> Text:
    if view.problem:
        return Text(view.problem, "bold red")
    if view.status is None or view.state != "active":
        return Text({"starting": "waiting for the nodes"}.get(view.state, "held still"))
    stops = view.status.number("report", "inference", "stops") or 0
    text = Text(f"held: {view.hold}", "yellow") if view.hold else Text("driving", "green")
    return text.append(f"   stops: {figures.count(stops)}" if stops else "", "yellow")


def _fill(size: float, capacity: float | None) -> str:
    if not capacity:
        return figures.count(size)
    full = round(_BAR_COLUMNS * min(max(size / capacity, 0.0), 1.0))
    bar = "█" * full + "░" * (_BAR_COLUMNS - full)
    return f"{bar}  {figures.count(size)} of {figures.count(capacity)}"


def _notice(notice: Notice, width: int) -> Text:
    text = Text(f"{notice.source}: {notice.text}", _LEVEL_STYLES[notice.level])
    text.truncate(width, overflow="ellipsis")
    return text
