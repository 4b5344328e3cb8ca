"""How old an observation is, by its header stamp and by its reception."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ages:
    """Two ages of one message.

    Attributes:
        reception_s: Time since it was received, in s.
        stamp_s: The node's clock minus its header stamp, in s; None without a stamp, or while the
            node's clock is simulated and has not begun. Negative when the clocks differ that way.
    """

    reception_s: float
    stamp_s: float | None

    def age_s(self, observation_clock: str) -> float:
        """The age that counts, in s: the larger, or with the clock `reception` that one alone."""
        if observation_clock == "reception" or self.stamp_s is None:
            return self.reception_s
        return max(self.reception_s, self.stamp_s)

    def __str__(self) -> str:
        stamp = "it has no stamp" if self.stamp_s is None else f"{self.stamp_s:.2f} s by its stamp"
        return f"{self.reception_s:.2f} s old by its reception, {stamp}"


def stamp_ns(message: Any) -> int:
    """A message's header stamp in ns; 0 if it has none, or one that is zero."""
    header = getattr(message, "header", None)
    if header is None:
        return 0
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
