"""PictureTrainer: updates on pictures drawn from everything seen so far."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.core import TorchTrainer

from .networks import to_unit


class PictureTrainer(TorchTrainer):
    """Draws pictures from the buffer `frames`, again and again; what is learnt of them is open."""

    def __init__(
        self,
        *,
        learning_rate: float,
        batch_size: int,
        min_buffer_size: int,
        updates_per_run: int,
        seed: int,
    ) -> None:
        """Make a trainer.

        Args:
            learning_rate: Of the optimizer.
            batch_size: Pictures in an update.
            min_buffer_size: Pictures to wait for before the first update.
            updates_per_run: Updates between two chances to pause, or to publish the weights.
            seed: Of the pictures and whatever else is drawn.
        """
        super().__init__("frames", min_buffer_size)
        self._learning_rate, self._batch_size = learning_rate, batch_size
        self._updates_per_run = updates_per_run
        self._random = torch.Generator().manual_seed(seed)
        self._shown = torch.Generator().manual_seed(seed)

    @override
    def on_data_users_attached(self) -> None:
        """Get the pictures."""
        self._frames = self.get_data_user("frames")

    @override
    def train(self) -> None:
        """Make one run's updates."""
        for _ in range(self._updates_per_run):
            self._update(to_unit(self._frames.sample(self._batch_size, self._random)))

    @abstractmethod
    def _update(self, pictures: Tensor) -> None:
        """Learn from float32 [batch_size, 3, height, width] in [0, 1]."""
