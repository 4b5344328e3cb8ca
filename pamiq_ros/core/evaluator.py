# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Evaluator: computes metrics of models on collected steps, without training the models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor

from .model import TrainingModelsDict


class Evaluator(ABC):
    """Computes metrics for each step of one buffer, in the order of collection.

    Attributes:
        buffer: Name of the buffer whose steps are evaluated.
    """

    _training_models: TrainingModelsDict

    def __init__(self, buffer: str) -> None:
        """Create an evaluator of the steps that are collected for `buffer`."""
        self.buffer = buffer

    def attach_training_models(self, training_models: TrainingModelsDict) -> None:
        """Attach the models. Called once, before the first step."""
        self._training_models = training_models
        self.on_training_models_attached()

    def on_training_models_attached(self) -> None:  # noqa: B027
        """Override to get the required models with `get_training_model`."""

    def get_training_model(self, name: str) -> Any:
        """Return the training model of that name.

        Raises:
            KeyError: No model has that name.
        """
        return self._training_models[name]

    def begin(self) -> None:  # noqa: B027
        """Called before the first step of each recording. Override to reset per-recording state."""

    @abstractmethod
    def evaluate(self, step: Any) -> Mapping[str, float]:
        """Evaluate one step.

        Args:
            step: The data that the agent collected.

        Returns:
            Finite numbers by metric name, always the same names; less is better. Empty for a step
            that cannot be evaluated yet.
        """

    def picture(self, step: Any) -> Tensor | None:
        """Return an image of the step evaluated last, uint8 [3, H, W] rgb, or None."""
        return None
