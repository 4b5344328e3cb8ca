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

"""TorchAgent: an agent whose models are torch modules."""

from __future__ import annotations

from typing import Any, Generic, TypeVar, overload

from torch import nn

from ..interaction import Agent
from .inference import TorchInferenceModel

O = TypeVar("O")  # noqa: E741
A = TypeVar("A")
T = TypeVar("T", bound=nn.Module)


class TorchAgent(Agent[O, A], Generic[O, A]):
    """An agent that gets its torch models with their types checked."""

    @overload
    def get_torch_inference_model(self, name: str) -> TorchInferenceModel[nn.Module]: ...

    @overload
    def get_torch_inference_model(
        self, name: str, module_cls: type[T]
    ) -> TorchInferenceModel[T]: ...

    def get_torch_inference_model(
        self, name: str, module_cls: type[Any] = nn.Module
    ) -> TorchInferenceModel[Any]:
        """The torch inference model of a name.

        Args:
            name: Its name.
            module_cls: The class its module must be of.

        Raises:
            KeyError: There is none of that name.
            ValueError: It is no torch model.
            TypeError: Its module is of another class.
        """
        model = self.get_inference_model(name)
        if not isinstance(model, TorchInferenceModel):
            raise ValueError(
                f"model '{name}': expected a TorchInferenceModel, found {type(model).__name__}"
            )
        module = model._raw_model
        if not isinstance(module, module_cls):
            raise TypeError(
                f"model '{name}': expected a module of {module_cls.__name__}, "
                f"found {type(module).__name__}"
            )
        return model
