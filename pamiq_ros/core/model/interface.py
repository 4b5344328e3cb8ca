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

"""Inference and training models, the weights staged between them, and models by name."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections import UserDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch

from ..state_persistence import PersistentParts, PersistentStateMixin
from .parameters import ParameterReader, check_replacement, check_specs, is_exportable

_NO_PARAMETERS = {"_staged_parameters", "weights_version"}
SyncTarget = Callable[[Mapping[str, Any]], None]


class InferenceModel(ABC):
    """A model as the agent uses it.

    Its parameters are its attributes that are step values (see `pamiq_ros.core.data.batch`),
    unless a subclass defines others.

    Attributes:
        weights_version: Version of the weights in use, numbered by the learner; 0 before the first.
            An agent may collect it for a trainer that needs to know which weights acted.
    """

    weights_version: int = 0

    _staged_parameters: dict[str, Any] | None = None

    @abstractmethod
    def infer(self, *args: Any, **kwds: Any) -> Any:
        """Use the model."""

    def __call__(self, *args: Any, **kwds: Any) -> Any:
        """Call `infer`."""
        return self.infer(*args, **kwds)

    def export_parameters(self) -> dict[str, Any]:
        """Return the parameters by name, not copied."""
        return {
            name: value
            for name, value in vars(self).items()
            if name not in _NO_PARAMETERS and is_exportable(value)
        }

    def stage_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Stage new parameters for `swap_parameters`; any thread.

        Args:
            parameters: One value for each name in `export_parameters()`; kept, not copied.

        Raises:
            ValueError: A name is missing or unknown, a value has another shape or dtype, or is
                not finite; names the parameter and says what was expected and found.
        """
        check_replacement(self.export_parameters(), parameters)
        self._staged_parameters = dict(parameters)

    def stage_from(self, reader: ParameterReader) -> None:
        """Read new parameters, which are all tensors, and stage them; any thread.

        Args:
            reader: One tensor for each name in `export_parameters()`.

        Raises:
            ValueError: A name is missing or unknown, a tensor has another shape or dtype, which
                is found before any is read, or is not finite; names the parameter and says what
                was expected and found.
            StaleParameters: They were overwritten meanwhile; nothing is staged.
        """
        check_specs(self.export_parameters(), reader.specs)
        parameters = {}
        for name, spec in reader.specs.items():
            parameters[name] = torch.empty(spec.shape, dtype=spec.dtype)
            reader.read(name, parameters[name])
        reader.check()
        self.stage_parameters(parameters)

    def release_spare(self) -> None:  # noqa: B027 (most models keep none)
        """Free memory that is kept for the next staging; any thread.

        Called before memory is allocated for weights that arrive in chunks.
        """

    def swap_parameters(self) -> bool:
        """Adopt the staged parameters, between two ticks.

        Returns:
            Whether parameters were staged.
        """
        # Read and cleared in one operation, because another thread may stage at any time.
        staged = vars(self).pop("_staged_parameters", None)
        if staged is None:
            return False
        vars(self).update(staged)
        return True


class StagedWeights:
    """Passes a model's weights, with their version, from the receiving thread to the tick.

    The tick never waits: while a version is being staged, it uses the one it has.

    Attributes:
        version: Version of the weights in use; 0 before the first.
    """

    def __init__(self, model: InferenceModel) -> None:
        """Create the staging of a model."""
        self.version = 0
        self._model = model
        self._staged_version = 0
        self._lock = threading.Lock()

    def stage(self, version: int, parameters: Mapping[str, Any]) -> None:
        """Stage a version for the tick; any thread.

        Raises:
            ValueError: The parameters do not fit the model or are not finite; names the tensor.
        """
        with self._lock:
            self._model.stage_parameters(parameters)
            self._staged_version = version

    def stage_from(self, version: int, reader: ParameterReader) -> None:
        """Read a version into the spare set of weights; any thread.

        Raises:
            ValueError: The parameters do not fit the model or are not finite; names the tensor.
            StaleParameters: They were overwritten while they were read. After any error the tick
                keeps the version in use.
        """
        with self._lock:
            self._model.stage_from(reader)
            self._staged_version = version

    def release_spare(self) -> None:
        """Free the memory of the spare set; any thread."""
        self._model.release_spare()

    def swap(self) -> bool:
        """Adopt the staged version, between two ticks.

        Returns:
            Whether the model now has other weights.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if not self._model.swap_parameters():
                return False
            self.version = self._model.weights_version = self._staged_version
            return True
        finally:
            self._lock.release()


T = TypeVar("T", bound=InferenceModel)


class TrainingModel(ABC, PersistentStateMixin, Generic[T]):
    """A model as trainers use it. It creates the inference model."""

    _inference_model: T | None = None
    _sync_target: SyncTarget | None = None

    def __init__(
        self, has_inference_model: bool = True, inference_thread_only: bool = False
    ) -> None:
        """Create a training model.

        Args:
            has_inference_model: Whether the agent uses this model.
            inference_thread_only: Whether only the agent uses it, so that it is never trained.

        Raises:
            ValueError: Neither the agent nor a trainer uses it.
        """
        if inference_thread_only and not has_inference_model:
            raise ValueError("expected has_inference_model=True with inference_thread_only=True")
        self.has_inference_model = has_inference_model
        self.inference_thread_only = inference_thread_only

    @property
    def inference_model(self) -> T:
        """The inference model in this process, created when first needed.

        Raises:
            RuntimeError: This model has none.
        """
        if not self.has_inference_model:
            raise RuntimeError("this model was made with has_inference_model=False")
        if self._inference_model is None:
            self._inference_model = self._create_inference_model()
        return self._inference_model

    @abstractmethod
    def _create_inference_model(self) -> T:
        """Create the inference model."""

    @abstractmethod
    def forward(self, *args: Any, **kwds: Any) -> Any:
        """Use the model in training."""

    def __call__(self, *args: Any, **kwds: Any) -> Any:
        """Call `forward`."""
        return self.forward(*args, **kwds)

    def set_sync_target(self, target: SyncTarget | None) -> None:
        """Set where `sync` sends the parameters.

        Args:
            target: Called in the trainer's thread with the result of `export_parameters`, which
                is valid until it returns, because training then changes it. None: the inference
                model in this process.
        """
        self._sync_target = target

    def check(self) -> None:
        """Check that the parameters are finite. `sync` checks those that it copies by itself.

        Raises:
            NotFiniteError: One has a NaN or an infinity; names it.
        """

    def sync(self) -> None:
        """Copy the parameters to the inference model, if there is one and it is trained.

        Raises:
            NotFiniteError: One has a NaN or an infinity; names it. None are copied.
        """
        if not self._need_sync:
            self.check()
            return
        if self._sync_target is not None:
            self._sync_target(self.export_parameters())
        else:
            self.sync_impl(self.inference_model)

    def export_parameters(self) -> dict[str, Any]:
        """Return the inference model's parameters with their present training values, by name."""
        self.sync_impl(self.inference_model)
        return self.inference_model.export_parameters()

    @property
    def _need_sync(self) -> bool:
        return self.has_inference_model and not self.inference_thread_only

    @abstractmethod
    def sync_impl(self, inference_model: T) -> None:
        """Copy the parameters to an inference model in this process."""


class InferenceModelsDict(UserDict[str, InferenceModel]):
    """Inference models by name."""


class TrainingModelsDict(PersistentParts, UserDict[str, TrainingModel[Any]]):
    """Training models by name, and the inference models that belong to them."""

    def __init__(self, *args: Any, **kwds: Any) -> None:
        """Accept the arguments of `dict`."""
        self._inference_models_dict = InferenceModelsDict()
        super().__init__(*args, **kwds)

    @property
    def inference_models_dict(self) -> InferenceModelsDict:
        """The inference models in this process, created when first needed."""
        for name, model in self.data.items():
            if model.has_inference_model:
                self._inference_models_dict[name] = model.inference_model
        return self._inference_models_dict

    def __getitem__(self, key: str) -> TrainingModel[Any]:
        """Return the training model of a name.

        Raises:
            KeyError: No model has that name, or it is never trained.
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
