"""Playback: when each message of a bag is due."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .bag import Bag, BagError, Recorded


class Playback:
    """A bag's messages, each with the time at which it is due.

    Args:
        bag: The bag.
        rate: Seconds of the bag in a second.
        start_s: Where to begin, in s from the bag's first message.
        end_s: Where to end; 0 for the bag's end.
        loop: Whether to begin anew at the end, again and again.

    Attributes:
        start_ns: The bag's time at which it begins, in ns since 1970.
        seconds: How long one pass takes, in s.

    Raises:
        BagError: There is nothing between start and end.
    """

    def __init__(
        self,
        bag: Bag,
        rate: float = 1.0,
        start_s: float = 0.0,
        end_s: float = 0.0,
        loop: bool = False,
    ) -> None:
        last_s = min(end_s or bag.seconds, bag.seconds)
        if not 0.0 <= start_s <= last_s:
            raise BagError(
                f"{bag.path}: expected a start before the end at {last_s:.2f} s, "
                f"found {start_s:g} s"
            )
        self._bag, self._rate, self._loop = bag, rate, loop
        self.start_ns = bag.start_ns + int(start_s * 1e9)
        self._end_ns = bag.start_ns + int(last_s * 1e9)
        self.seconds = (self._end_ns - self.start_ns) * 1e-9 / rate

    def due(self, topics: Collection[str] | None = None) -> Iterator[tuple[float, Recorded]]:
        """Pairs of seconds since the beginning and the message that is due then.

        Args:
            topics: Names of the topics wanted; None for all.

        Raises:
            BagError: The bag is damaged.
        """
        began_s = 0.0
        while True:
            for message in self._bag.messages(topics, self.start_ns, self._end_ns + 1):
                yield began_s + (message.time_ns - self.start_ns) * 1e-9 / self._rate, message
            if not self._loop:
                return
            began_s += self.seconds

    def time_ns(self, elapsed_s: float) -> int:
        """The bag's time, in ns since 1970, so many seconds after the beginning."""
        if self._loop and self.seconds:
            elapsed_s %= self.seconds
        return self.start_ns + round(elapsed_s * self._rate * 1e9)
