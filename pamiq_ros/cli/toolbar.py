"""The console's toolbar: the live state, the newest error, and what to do, a line each."""

from __future__ import annotations

from prompt_toolkit.formatted_text import StyleAndTextTuples

from . import figures
from .status import Status

_STALE_S = 3.0
_STATE_STYLES = {
    "active": "fg:ansigreen bold",
    "paused": "fg:ansiyellow bold",
    "error": "fg:ansired bold",
    "shutdown": "fg:ansiblue bold",
}


def toolbar(status: Status | None, silent_s: float | None, problem: str = "") -> StyleAndTextTuples:
    """What is shown below the prompt, as pairs of a style and a text.

    Args:
        status: The newest status; None before the first.
        silent_s: Time since it came in s; None before the first.
        problem: Why the newest message could not be read; empty when it could.
    """
    if problem:
        return [("fg:ansired", _plain(problem))]
    if status is None or silent_s is None:
        return [("bold", "no system yet")]
    if status.state == "shutdown":
        return [(_STATE_STYLES["shutdown"], "shutdown"), ("", _newest_error(status))]
    if silent_s > _STALE_S:
        text = f"no system: silent for {figures.clock(silent_s)}, last {_plain(status.state)}"
        return [("fg:ansired bold", text)]
    style = _STATE_STYLES.get(status.state, "bold")
    hold = _plain(status.text("report", "inference", "hold")).replace("_", " ")
    fragments: StyleAndTextTuples = [
        (style, _plain(status.state)),
        ("", "".join(f" · {part}" for part in _of(status))),
    ]
    if hold and status.state == "active":
        fragments.append(("fg:ansiyellow", f" · held: {hold}"))
    to_do = f"\nto do: {_plain(status.remedies[0])}" if status.remedies else ""
    return [*fragments, ("fg:ansired", _newest_error(status)), ("fg:ansiyellow", to_do)]


def _of(status: Status) -> list[str]:
    inference, training = ("report", "inference"), ("report", "training")
    late = status.number(*inference, "lateness_ms", "p99")
    updates = status.number(*training, "updates")
    return [
        figures.rate(status),
        f"late p99 {figures.short(late)} ms",
        f"weights {figures.count(status.number(*inference, 'weights_version'))}",
        f"updates {figures.count(updates)}",
    ]


def _newest_error(status: Status) -> str:
    newest = status.errors[-1] if status.errors else status.text("configuration_error")
    return f"\n{_plain(newest)}" if newest else ""


def _plain(text: str) -> str:
    return " ".join(text.split())
