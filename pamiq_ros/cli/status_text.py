"""A status as lines of text, for the commands `status` and `metrics`."""

from __future__ import annotations

from collections.abc import Iterator

from rich.text import Text

from . import figures
from .panel import rows
from .status import Status, number
from .view import View

_MOST_ERRORS = 5


def status_lines(status: Status) -> list[str]:
    """The figures that the live display shows, one a line; the newest errors, and the way out."""
    wrong = status.text("configuration_error")
    errors = [f"configuration: {wrong}"] * bool(wrong) + status.errors[-_MOST_ERRORS:]
    lines = [*_aligned(list(_status_rows(status))), *(f"  {error}" for error in errors)]
    return [*lines, *(f"to do: {remedy}" for remedy in status.remedies)]


def metrics_lines(status: Status) -> list[str]:
    """Each metric of training with its newest value, and its way from the first to the last."""
    metrics = list(figures.metrics(status))
    newest = [figures.short(values.get("newest")) for _, values in metrics]
    right = _aligned(list(zip(newest, (figures.trend(v) for _, v in metrics), strict=True)))
    return _aligned(list(zip((name for name, _ in metrics), right, strict=True)))


def _status_rows(status: Status) -> Iterator[tuple[str, str]]:
    view = View("", status, status.number("report", "duration_s"))
    yield "state", f"{view.state} for {view.time}"
    yield "system", status.text("report", "system") or figures.UNKNOWN
    for name, node in status.table("nodes").items():
        if isinstance(node, dict):
            times = int(number(node.get("restarts")) or 0)
            again = f", restarts: {times}" * bool(times)
            yield name, f"{node.get('state', figures.UNKNOWN)}{again}"
    for label, content in rows(view):
        if label not in ("newest error", "restarts"):
            yield label, content.plain if isinstance(content, Text) else str(content)
    yield "errors", str(len(status.errors))


def _aligned(pairs: list[tuple[str, str]]) -> list[str]:
    width = max((len(left) for left, _ in pairs), default=0)
    return [f"{left:<{width}}  {right}" for left, right in pairs]
