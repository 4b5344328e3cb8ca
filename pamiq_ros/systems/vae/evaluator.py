"""ReconstructionEvaluator: how well encoder and decoder together give back a picture."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.core import Evaluator

from .networks import to_unit
from .trainer import side_by_side


class ReconstructionEvaluator(Evaluator):
    """Gives `reconstruction_error`: the mean squared error per pixel value, of values in [0, 1]."""

    def __init__(self) -> None:
        """Judge the pictures that the agent collects."""
        super().__init__("frames")

    @override
    def on_training_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_training_model("encoder")
        self._decoder = self.get_training_model("decoder")

    @override
    def evaluate(self, step: Tensor) -> Mapping[str, float]:
        """Judge a picture, uint8 [3, height, width]."""
        picture, reconstruction = self._reconstruct(step)
        return {"reconstruction_error": float((reconstruction - picture).square().mean())}

    @override
    def picture(self, step: Tensor) -> Tensor:
        """The picture, with its reconstruction to its right."""
        return side_by_side(*self._reconstruct(step))

    @torch.no_grad()
    def _reconstruct(self, step: Tensor) -> tuple[Tensor, Tensor]:
        picture = to_unit(step).unsqueeze(0)
        mean, _ = self._encoder(picture)
        return picture, self._decoder(mean)
