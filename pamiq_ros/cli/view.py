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

"""A run as text: one line, a panel for a terminal, and the lines of `status` and `metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pamiq_ros.bringup.log_tail import Notice

from .status import Status, number

UNKNOWN = "-"
_WIDEST = 100
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
_MOST_ERRORS = 5


def short(value: object, digits: int = 3) -> str:
    """Return a number with so many significant digits, without exponent if it is readable so."""
    found = number(value)
    if found is None:
        return UNKNOWN
    if found == int(found) and abs(found) < 1e6:
        return str(int(found))
    return f"{found:.0f}" if 100 <= abs(found) < 1e6 else f"{found:.{digits}g}"


def count(value: object) -> str:
    """Return a count with a comma for thousands."""
    found = number(value)
    return UNKNOWN if found is None else f"{found:,.0f}"


def clock(seconds: float) -> str:
    """Return a duration as 0:42 or 1:02:03."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def tick_rate(status: Status) -> str:
    """Return the measured tick rate beside the configured one."""
    measured = status.number("report", "inference", "rate_hz")
    wanted = status.number("report", "inference", "rate_set_hz")
    text = UNKNOWN if measured is None else f"{measured:.2f} Hz"
    return text if wanted is None else f"{text} of {short(wanted)} Hz"


def _percentiles(table: Mapping[str, Any]) -> str:
    known = [f"{name} {short(value)}" for name, value in table.items() if number(value) is not None]
    return "  ".join(known) + " ms" if known else UNKNOWN


def _trend(metric: Mapping[str, Any]) -> str:
    first, last = number(metric.get("first")), number(metric.get("last"))
    if first is None or last is None:
        return short(metric.get("newest"))
    if not first:
        return f"{short(first)} → {short(last)}"
    percent = 100 * (last - first) / abs(first)
    change = f"{percent:+.0f} %" if abs(percent) < 1000 else f"x{short(last / first)}"
    return f"{short(first)} → {short(last)}  {change}"


@dataclass(frozen=True)
class View:
    """The state of a run at one moment.

    Attributes:
        title: What is run.
        status: The newest status; None before the first one.
        elapsed_s: Time since the nodes were first active in s; None before that.
        duration_s: How long to run; None for no limit.
        restarts: Restarts counted here, by the node's role, such as `inference`.
        stopping: Whether the nodes are being stopped.
        problem: Why the status may be wrong, such as its age; empty for no reason.
    """

    title: str
    status: Status | None = None
    elapsed_s: float | None = None
    duration_s: float | None = None
    restarts: Mapping[str, int] = field(default_factory=dict)
    stopping: bool = False
    problem: str = ""

    @property
    def state(self) -> str:
        """The state of the whole graph."""
        known = "" if self.status is None else self.status.state
        if self.stopping:
            return known if known == "shutdown" else "stopping"
        return known or "starting"

    @property
    def time(self) -> str:
        """How long it has run, and of how long."""
        end = "" if self.duration_s is None else f" of {clock(self.duration_s)}"
        return clock(self.elapsed_s or 0.0) + end

    @property
    def hold(self) -> str:
        """Why the robot is stopped; empty while it drives."""
        reason = "" if self.status is None else self.status.text("report", "inference", "hold")
        return reason.replace("_", " ")

    @property
    def restarts_text(self) -> str:
        """Restarts by role: the larger of those reported and those counted here."""
        reported = {} if self.status is None else self.status.table("report", "restarts")
        roles = dict.fromkeys([*reported, *self.restarts])
        most = {r: max(int(number(reported.get(r)) or 0), self.restarts.get(r, 0)) for r in roles}
        return ", ".join(f"{role} {times}" for role, times in most.items() if times)


def line(view: View) -> str:
    """Return the view as one line, for an output that is not a terminal."""
    status = view.status or Status({})
    parts = [f"{view.time} {view.state}"]
    if view.problem:
        parts.append(view.problem)
    if status.table("report", "inference"):
        parts += _statistics(status)
    if view.hold and view.state == "active":
        parts.append(f"robot stopped: {view.hold}")
    if view.restarts_text:
        parts.append(f"restarts {view.restarts_text}")
    if status.errors:
        parts.append(f"{len(status.errors)} errors")
    return " | ".join(parts)


def _statistics(status: Status) -> list[str]:
    inference, training = ("report", "inference"), ("report", "training")
    known = (
        ("{} Hz", status.number(*inference, "rate_hz")),
        ("late p99 {} ms", status.number(*inference, "lateness_ms", "p99")),
        ("age p50 {} ms", status.number(*inference, "observation_age_ms", "p50")),
        ("weights {}", status.number(*inference, "weights_version")),
        ("{} updates", status.number(*training, "updates")),
    )
    parts = [text.format(short(value)) for text, value in known if value is not None]
    parts += [
        f"{name} {count(size)}" + (f"/{count(capacity)}" if capacity else "")
        for name, size, capacity in status.buffers
    ]
    return parts + [f"{name} {_trend(values)}" for name, values in status.metrics]


def draw(view: View, notices: Sequence[Notice], width: int) -> RenderableType:
    """Return a panel of the view that fits a terminal of 80 by 24.

    Args:
        view: What to show.
        notices: The nodes' newest warnings and errors, shown below it.
        width: Columns of the terminal.
    """
    width = min(width, _WIDEST)
    grid = Table.grid(padding=(0, 2), expand=True)
    grid.add_column(style="cyan", no_wrap=True)
    grid.add_column(no_wrap=True, ratio=1, overflow="ellipsis")
    for label, content in _rows(view):
        grid.add_row(label, content)
    errors = view.status.errors if view.status else []
    newest = Text(f"({len(errors)}) {errors[-1]}", "red") if errors else Text("none")
    grid.add_row("restarts", view.restarts_text or "none")
    grid.add_row("newest error", newest)
    state = Text(f"{view.title} · ")
    state.append(view.state, _STATE_STYLES.get(view.state, "bold"))
    state.append(f" · {view.time}")
    hint = "Ctrl-C stops the robot, then the rest"
    if view.stopping:
        hint = "Stopped" if view.state == "shutdown" else "Stopping, the robot first"
    panel = Panel(grid, title=state, subtitle=Text(hint), width=width, title_align="left",
                  subtitle_align="left", border_style="dim")  # fmt: skip
    return Group(panel, *(_notice(notice, width) for notice in notices))


def _notice(notice: Notice, width: int) -> Text:
    text = Text(f"{notice.source}: {notice.text}", _LEVEL_STYLES[notice.level])
    text.truncate(width, overflow="ellipsis")
    return text


def _rows(view: View) -> Iterator[tuple[str, Text | str]]:
    """Yield what the panel and `status` show: a label and a content."""
    yield "robot", _robot(view)
    status = view.status or Status({})
    inference = status.table("report", "inference")
    ticks = f"   {count(inference['ticks'])} ticks" if "ticks" in inference else ""
    yield "tick rate", f"{tick_rate(status)}{ticks}"
    for label in ("lateness", "compute", "observation age"):
        key = f"{label.replace(' ', '_')}_ms"
        yield label, _percentiles(status.table("report", "inference", key))
    training = status.table("report", "training")
    acting = status.number("report", "inference", "weights_version")
    acts = f"version {count(acting)} acts" if acting else "none yet"
    # The two nodes report at different times: the acting version may be newer than the last report.
    newest = max(acting or 0, number(training.get("weights_version")) or 0)
    yield "weights", acts + (f", {count(newest)} is the newest" if newest else "")
    for name, counts in status.experience[:_MOST_BUFFERS]:
        sent, received, lost = (count(counts.get(key)) for key in ("sent", "received", "lost"))
        yield f"sent · {name}", f"{sent} steps, {received} received, {lost} lost"
    for name, size, capacity in status.buffers[:_MOST_BUFFERS]:
        yield f"buffer · {name}", _fill(size, capacity)
    yield "updates", count(training.get("updates"))
    for name, values in status.metrics[:_MOST_METRICS]:
        yield name, _trend(values)
    if (more := len(status.metrics) - _MOST_METRICS) > 0:
        yield "", f"and {more} metrics more on pamiq/metrics"


def _robot(view: View) -> Text:
    if view.problem:
        return Text(view.problem, "bold red")
    if view.status is None or view.state != "active":
        return Text({"starting": "waiting for the nodes"}.get(view.state, "held still"))
    stops = view.status.number("report", "inference", "stops") or 0
    text = Text(f"stopped: {view.hold}", "yellow") if view.hold else Text("driving", "green")
    return text.append(f"   stops: {count(stops)}" if stops else "", "yellow")


def _fill(size: float, capacity: float | None) -> str:
    if not capacity:
        return count(size)
    full = round(_BAR_COLUMNS * min(max(size / capacity, 0.0), 1.0))
    bar = "█" * full + "░" * (_BAR_COLUMNS - full)
    return f"{bar}  {count(size)} of {count(capacity)}"


def status_lines(status: Status) -> list[str]:
    """Return the lines of `status`: what the panel shows, the newest errors, and remedies."""
    view = View("", status, status.number("report", "duration_s"))
    rows = [
        ("state", f"{view.state} for {view.time}"),
        ("system", status.text("report", "system") or UNKNOWN),
    ]
    for name, node in status.table("nodes").items():
        if isinstance(node, dict):
            times = int(number(node.get("restarts")) or 0)
            again = f", restarts: {times}" * bool(times)
            rows.append((name, f"{node.get('state', UNKNOWN)}{again}"))
    rows += [(label, str(content)) for label, content in _rows(view)]
    rows.append(("errors", str(len(status.errors))))
    wrong = status.text("configuration_error")
    errors = [f"configuration: {wrong}"] * bool(wrong) + status.errors[-_MOST_ERRORS:]
    lines = [*_aligned(rows), *(f"  {error}" for error in errors)]
    return [*lines, *(f"to do: {remedy}" for remedy in status.remedies)]


def metrics_lines(status: Status) -> list[str]:
    """Return a line for each metric: its newest value, and its first and last tenth."""
    metrics = status.metrics
    values = _aligned([(short(table.get("newest")), _trend(table)) for _, table in metrics])
    return _aligned([(name, value) for (name, _), value in zip(metrics, values, strict=True)])


def _aligned(pairs: list[tuple[str, str]]) -> list[str]:
    width = max((len(left) for left, _ in pairs), default=0)
    return [f"{left:<{width}}  {right}" for left, right in pairs]
