"""Recorder: receives the metrics and images of a trainer."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


class Recorder:
    """Base class that discards everything; a node or the runner attaches a subclass."""

    def scalar(self, name: str, value: float) -> None:
        """Record one value of a metric.

        Args:
            name: Name of the metric, such as `loss/reconstruction`.
            value: Its current value.
        """

    def image(self, name: str, make: Callable[[], Tensor]) -> None:
        """Offer an image.

        Args:
            name: Name of the image.
            make: Returns the image, uint8 [3, H, W] rgb on the CPU. It is called only if somebody
                views the image. Training must not depend on that, so `make` samples from a random
                generator of its own.
        """
