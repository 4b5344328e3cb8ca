"""Imagination: what was foreseen, against what came."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from torch import Tensor


class Imagination:
    """Keeps predictions until the tick that they are of.

    Each tick predicts the next `horizon` ticks. How wrong the predictions of one tick were, the
    mean over all that were made of it, one to `horizon` ticks before, is the reward: what can't
    be foreseen yet is worth a look (Schmidhuber 1991; Pathak et al. 2017, arXiv:1705.05363).

    Args:
        horizon: How far ahead predictions reach, in ticks.
    """

    def __init__(self, horizon: int) -> None:
        self._coming: deque[list[Tensor]] = deque([[] for _ in range(horizon)])

    def forget(self) -> None:
        """Drop all predictions: something else has happened in between."""
        for predictions in self._coming:
            predictions.clear()

    def compare(self, encoding: Tensor) -> float:
        """What came now, [encoding_size].

        Returns:
            The mean squared error of what was predicted of it; 0 if nothing was.
        """
        predictions = self._coming.popleft()
        self._coming.append([])
        errors = [float((prediction - encoding).square().mean()) for prediction in predictions]
        return sum(errors) / len(errors) if errors else 0.0

    def predict(self, predictions: Sequence[Tensor]) -> None:
        """Keep predictions of the next ticks, the nearest one first."""
        for coming, prediction in zip(self._coming, predictions, strict=True):
            coming.append(prediction)
