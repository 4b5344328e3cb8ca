"""OutcomeReader: what the world's topic `outcome` says of the tick before."""

from __future__ import annotations

from torch import Tensor

from .rollout import GOES_ON

SIZE = 5
"""Numbers of the topic: episode, return, ended, last_return, last_ended."""


class OutcomeReader:
    """Makes rewards of returns, so that none is lost or counted twice when a tick misses a step."""

    def __init__(self) -> None:
        self._episode, self._return, self._end = -1, 0.0, GOES_ON

    def read(self, outcome: Tensor) -> tuple[float, int, bool]:
        """Read the newest outcome.

        Args:
            outcome: float32 [SIZE].

        Returns:
            The reward since the last one; how the episode ended, if it did (1: terminated, 2:
            truncated, 0: it goes on); whether another episode began in between.
        """
        episode, total, end, last_total, last_end = outcome.tolist()
        before, self._return = self._return, total
        known, self._episode = self._episode, int(episode)
        was_over, self._end = self._end != GOES_ON, int(end)
        if known == self._episode:
            return total - before, self._end, False
        if known < 0 or was_over:
            return total, self._end, known >= 0
        # Its end fell between two ticks: this observation is of the next episode already.
        return last_total - before, int(last_end), True
