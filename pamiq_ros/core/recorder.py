"""Recorder: where trainers put their metrics and pictures."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


class Recorder:
    """Keeps nothing; whoever wants to see a trainer's figures attaches a subclass."""

    def scalar(self, name: str, value: float) -> None:
        """Record one value of a metric.

        Args:
            name: Name of the metric, such as `loss/reconstruction`.
            value: Its value now.
        """

    def image(self, name: str, make: Callable[[], Tensor]) -> None:
        """Offer a picture.

        Args:
            name: Name of the picture.
            make: Makes it, uint8 [3, H, W] rgb on the CPU; only called if it is wanted, so that
                training must not depend on it: what it draws needs a random generator of its own.
        """
