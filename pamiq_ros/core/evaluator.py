"""Evaluator: judges models on steps that were collected, without training them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .model import TrainingModelsDict


class Evaluator(ABC):
    """Gives metrics for each step of one buffer, in the order in which they were collected.

    Attributes:
        buffer: Name of the buffer whose steps are judged.
    """

    _training_models: TrainingModelsDict

    def __init__(self, buffer: str) -> None:
        """Judge the steps of a buffer."""
        self.buffer = buffer

    def attach_training_models(self, training_models: TrainingModelsDict) -> None:
        """Give this evaluator the models, before the first step."""
        self._training_models = training_models
        self.on_training_models_attached()

    def on_training_models_attached(self) -> None:  # noqa: B027
        """Override to get the models that are needed, with `get_training_model`."""

    def get_training_model(self, name: str) -> Any:
        """The training model of a name.

        Raises:
            KeyError: There is none of that name.
        """
        return self._training_models[name]

    def begin(self) -> None:  # noqa: B027
        """Called before the first step of each recording; forget what the one before it was."""

    @abstractmethod
    def evaluate(self, step: Any) -> Mapping[str, float]:
        """Judge a step.

        Args:
            step: What the agent collected.

        Returns:
            Finite numbers by name, always the same names; less is better. Empty for a step that
            can't be judged yet.
        """

    def picture(self, step: Any) -> Tensor | None:
        """What there is to see of a step just judged, uint8 [3, H, W] rgb; None: nothing."""
        return None
