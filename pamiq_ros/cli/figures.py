"""The figures of a status as short texts, for the live display and for plain lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .status import Status, number

UNKNOWN = "-"


def short(value: object, digits: int = 3) -> str:
    """A number with so many significant digits and no exponent where it is readable without."""
    found = number(value)
    if found is None:
        return UNKNOWN
    if found == int(found) and abs(found) < 1e6:
        return str(int(found))
    return f"{found:.0f}" if 100 <= abs(found) < 1e6 else f"{found:.{digits}g}"


def count(value: object) -> str:
    """A count, with thousands set apart."""
    found = number(value)
    return UNKNOWN if found is None else f"{found:,.0f}"


def clock(seconds: float | None) -> str:
    """A time span as 0:42 or 1:02:03."""
    if seconds is None:
        return UNKNOWN
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def percentiles(table: Mapping[str, Any]) -> str:
    """Percentiles in ms, such as `p50 0.1  p99 0.3  max 1.2 ms`."""
    known = [f"{name} {short(value)}" for name, value in table.items() if number(value) is not None]
    return "  ".join(known) + " ms" if known else UNKNOWN


def rate(status: Status) -> str:
    """The tick rate beside the one that is wanted."""
    measured = status.number("report", "inference", "rate_hz")
    wanted = status.number("report", "inference", "rate_set_hz")
    text = UNKNOWN if measured is None else f"{measured:.2f} Hz"
    return text if wanted is None else f"{text} of {short(wanted)} Hz"


def trend(metric: Mapping[str, Any]) -> str:
    """How a metric went from its first values to its last, such as `0.41 → 0.13  -68 %`."""
    first, last = number(metric.get("first")), number(metric.get("last"))
    if first is None or last is None:
        return short(metric.get("newest"))
    if not first:
        return f"{short(first)} → {short(last)}"
    percent = 100 * (last - first) / abs(first)
    change = f"{percent:+.0f} %" if abs(percent) < 1000 else f"x{short(last / first)}"
    return f"{short(first)} → {short(last)}  {change}"


def metrics(status: Status) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and values of each metric."""
    yield from _tables(status.table("report", "training", "metrics"))


def buffers(status: Status) -> Iterator[tuple[str, float, float | None]]:
    """Name, size and capacity of each buffer; the capacity is None where it has no end."""
    for name, fill in status.table("report", "buffers").items():
        table = fill if isinstance(fill, Mapping) else {"size": fill}
        size = number(table.get("size"))
        if size is not None:
            yield name, size, number(table.get("capacity"))


def experience(status: Status) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Name and counts of each experience topic."""
    yield from _tables(status.table("report", "experience"))


def restarts(status: Status | None, counted: Mapping[str, int]) -> dict[str, int]:
    """Restarts by the node's room: the higher of what was reported and what was counted here."""
    reported = {} if status is None else status.table("report", "restarts")
    rooms = dict.fromkeys([*reported, *counted])
    both = {r: max(int(number(reported.get(r)) or 0), counted.get(r, 0)) for r in rooms}
    return {room: times for room, times in both.items() if times}


def _tables(table: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, values in table.items():
        if isinstance(values, Mapping):
            yield name, values
