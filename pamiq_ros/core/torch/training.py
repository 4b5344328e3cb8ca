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

"""TorchTrainingModel: a module that is trained, and creates its inference model."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import torch
from torch import nn

from ..model import TrainingModel
from ..model.parameters import is_finite, not_finite
from ..state import load_state_dict, load_tree, save_tree
from .inference import TorchInferenceModel, distinct_tensors, named_tensors
from .procedures import InferenceProcedureCallable, default_infer_procedure, get_device
from .staging import TensorReader

T = TypeVar("T", bound=nn.Module)


class TorchTrainingModel(TrainingModel[TorchInferenceModel[T]], Generic[T]):
    """A torch model as trainers use it.

    Attributes:
        model: The module.
    """

    def __init__(
        self,
        model: T,
        has_inference_model: bool = True,
        inference_thread_only: bool = False,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        inference_procedure: InferenceProcedureCallable[T] | str = default_infer_procedure,
        pretrained_parameter_file: str | Path | None = None,
        compile: bool = False,
    ) -> None:
        """Wrap a module.

        Args:
            model: The module.
            has_inference_model: Whether the agent uses it.
            inference_thread_only: Whether only the agent uses it: it is never trained.
            device: Device to move it to; None: unchanged.
            dtype: Floating point type to convert it to; None: unchanged.
            inference_procedure: How the inference model uses it: a function that gets the module
                and the arguments, or the name of a method of the module's class.
            pretrained_parameter_file: A .safetensors file with its parameters.
            compile: Whether to compile it, and the inference model too, with torch.compile.

        Raises:
            AttributeError: The module's class has no method of that name.
            ValueError: That name is not a method, or the parameter file cannot be used.
        """
        super().__init__(has_inference_model, inference_thread_only)
        self.model = model.to(device=device or get_device(model), dtype=dtype)
        self._inference_procedure = _procedure(model, inference_procedure)
        self._compile = compile
        if pretrained_parameter_file is not None:
            self._load(load_state_dict(Path(pretrained_parameter_file)), pretrained_parameter_file)
        if compile:
            self.model.compile()

    def _create_inference_model(self) -> TorchInferenceModel[T]:
        if self.inference_thread_only:
            return TorchInferenceModel(self.model, self._inference_procedure)
        twin = copy.deepcopy(self.model)
        twin.zero_grad(set_to_none=True)
        if self._compile:
            twin.compile()  # a copy of a compiled module is not compiled
        return TorchInferenceModel(twin, self._inference_procedure)

    def export_parameters(self) -> dict[str, Any]:
        """Return the parameters and persistent buffers by name, tied ones once.

        Training keeps changing these tensors: copy them to keep them.
        """
        return {name: tensor.detach() for name, tensor in distinct_tensors(self.model).items()}

    def sync_impl(self, inference_model: TorchInferenceModel[T]) -> None:
        """Copy the parameters to an inference model in this process; gradients stay.

        Raises:
            ValueError: A parameter is not finite; names it.
        """
        inference_model.stage_from(TensorReader(self.export_parameters()))
        with inference_model.unwrap(inference_mode=False):  # waits until nobody uses it
            inference_model.swap_parameters()
        self.model.train()

    def forward(self, *args: Any, **kwds: Any) -> Any:
        """Call the module."""
        return self.model(*args, **kwds)

    def check(self) -> None:
        """Check that the parameters are finite.

        Raises:
            NotFiniteError: One has a NaN or an infinity; names it.
        """
        for name, tensor in distinct_tensors(self.model).items():
            if not is_finite(tensor):
                raise not_finite(name)

    def save_state(self, path: Path) -> None:
        """Save the parameters as `<path>.safetensors`.

        Raises:
            NotFiniteError: One has a NaN or an infinity; training could not continue from it.
        """
        self.check()
        save_tree(path, dict(self.model.state_dict()))

    def load_state(self, path: Path) -> None:
        """Load the parameters from `<path>.safetensors`.

        Raises:
            ValueError: The file is damaged, or its parameters do not fit; names it.
        """
        self._load(load_tree(path), path)

    def _load(self, parameters: dict[str, Any], file: str | Path) -> None:
        names = named_tensors(self.model)
        for name in names.keys() - parameters.keys():
            # Files of other writers have tied tensors under one of their names.
            tied = (n for n in parameters if n in names and names[n] is names[name])
            if (other := next(tied, None)) is not None:
                parameters = {**parameters, name: parameters[other]}
        try:
            self.model.load_state_dict(parameters)
        except RuntimeError as error:
            raise ValueError(f"{file}: {error}") from error


def _procedure(
    model: T, procedure: InferenceProcedureCallable[T] | str
) -> InferenceProcedureCallable[T]:
    if not isinstance(procedure, str):
        return procedure
    cls = type(model)
    if not hasattr(cls, procedure):
        raise AttributeError(
            f"inference_procedure: {cls.__name__} has no method named '{procedure}'"
        )
    method = getattr(cls, procedure)
    if not callable(method):
        raise ValueError(
            f"inference_procedure: expected a method, found {cls.__name__}.{procedure}, "
            f"a {type(method).__name__}"
        )
    return cast("InferenceProcedureCallable[T]", method)
