"""View: all that a display shows at one moment, and as one line of text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from . import figures
from .status import Status


@dataclass(frozen=True)
class View:
    """What there is to show.

    Attributes:
        title: What is run.
        status: The newest status; None before the first one.
        elapsed_s: Time since the nodes were first active in s; None before that.
        duration_s: How long to run; None without end.
        restarts: Restarts counted here, by the node's room.
        stopping: Whether the nodes are being stopped.
        problem: What hides the truth, such as a status that is old; empty when nothing does.
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
        """One word for the whole graph."""
        known = "" if self.status is None else self.status.state
        if self.stopping:
            return known if known == "shutdown" else "stopping"
        return known or "starting"

    @property
    def time(self) -> str:
        """How long it has run, and of how long."""
        end = "" if self.duration_s is None else f" of {figures.clock(self.duration_s)}"
        return figures.clock(self.elapsed_s or 0.0) + end

    @property
    def hold(self) -> str:
        """Why the robot is held still; empty while it drives."""
        reason = "" if self.status is None else self.status.text("report", "inference", "hold")
        return reason.replace("_", " ")


def line(view: View) -> str:
    """The view as one line, for where the output is no terminal."""
    parts = [f"{view.time} {view.state}"]
    if view.problem:
        parts.append(view.problem)
    if view.status is not None and view.status.table("report", "inference"):
        parts += _figures(view.status)
    if view.hold and view.state == "active":
        parts.append(f"robot held: {view.hold}")
    times = figures.restarts(view.status, view.restarts)
    if times:
        parts.append("restarts " + ", ".join(f"{room} {n}" for room, n in times.items()))
    if view.status is not None and view.status.errors:
        parts.append(f"{len(view.status.errors)} errors")
    return " | ".join(parts)


def _figures(status: Status) -> list[str]:
    inference, training = ("report", "inference"), ("report", "training")
    known = (
        ("{} Hz", status.number(*inference, "rate_hz")),
        ("late p99 {} ms", status.number(*inference, "lateness_ms", "p99")),
        ("age p50 {} ms", status.number(*inference, "observation_age_ms", "p50")),
        ("weights {}", status.number(*inference, "weights_version")),
        ("{} updates", status.number(*training, "updates")),
    )
    parts = [text.format(figures.short(value)) for text, value in known if value is not None]
    parts += [
        f"{name} {figures.count(size)}" + (f"/{figures.count(capacity)}" if capacity else "")
        for name, size, capacity in figures.buffers(status)
    ]
    parts += [f"{name} {figures.trend(values)}" for name, values in figures.metrics(status)]
    return parts
