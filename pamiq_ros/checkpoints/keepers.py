"""Which states are kept: the newest ones, and one for each of the last hours and days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

_FORMAT = "%Y-%m-%d_%H-%M-%S.%f"


@dataclass(frozen=True)
class Keepers:
    """What is kept.

    Attributes:
        newest: How many of the newest states, 1 or more.
        hourly: For how many hours the last state of the hour; hours without a state do not count.
        daily: For how many days (UTC) the last state of the day.
    """

    newest: int = 3
    hourly: int = 0
    daily: int = 0

    def superfluous(self, states: Sequence[str]) -> list[str]:
        """The states, by id, that none of this keeps."""
        ordered = sorted(filter(is_state_id, states), reverse=True)
        kept = {*ordered[: max(1, self.newest)]}
        kept.update(_last_of_each(ordered, lambda s: s[: len("2000-01-01_00")])[: self.hourly])
        kept.update(_last_of_each(ordered, lambda s: s[: len("2000-01-01")])[: self.daily])
        return [state for state in ordered if state not in kept]


def state_id(newest: str | None = None) -> str:
    """The id of a state that is saved now: UTC, so that ids sort by age.

    Args:
        newest: Id of the newest state so far: a clock that was set back must not make it look so.
    """
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    if newest is not None:
        now = max(now, datetime.strptime(newest, _FORMAT) + timedelta(microseconds=1))
    return now.strftime(_FORMAT)


def is_state_id(text: str) -> bool:
    """Whether a text is one."""
    try:
        return datetime.strptime(text, _FORMAT).strftime(_FORMAT) == text
    except ValueError:
        return False


def _last_of_each(newest_first: Sequence[str], period: Callable[[str], str]) -> list[str]:
    last: dict[str, str] = {}
    for state in newest_first:
        last.setdefault(period(state), state)
    return list(last.values())
