"""Models by name."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..state_persistence import PersistentParts
from .interface import InferenceModel, TrainingModel


class InferenceModelsDict(UserDict[str, InferenceModel]):
    """Inference models by name."""


class TrainingModelsDict(PersistentParts, UserDict[str, TrainingModel[Any]]):
    """Training models by name, and the inference models that belong to them."""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        """Take what a dict takes."""
        self._inference_models_dict = InferenceModelsDict()
        super().__init__(*args, **kwds)

    @property
    def inference_models_dict(self) -> InferenceModelsDict:
        """The inference models in this process, made when first asked for."""
        for name, model in self.data.items():
            if model.has_inference_model:
                self._inference_models_dict[name] = model.inference_model
        return self._inference_models_dict

    def __getitem__(self, key: str) -> TrainingModel[Any]:
        """The training model of a name.

        Raises:
            KeyError: There is none of that name, or it is never trained.
        """
        model = super().__getitem__(key)
        if model.inference_thread_only:
            raise KeyError(f"model '{key}' is inference thread only")
        return model

    def load_state(self, path: Path) -> None:
        """Load every model and hand its parameters to its inference side."""
        super().load_state(path)
        for model in self.data.values():
            model.sync()

    def _parts(self) -> Mapping[str, Any]:
        return self.data
