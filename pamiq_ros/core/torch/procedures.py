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

"""Inference procedures: how a module is used for inference."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn

ContravariantT = TypeVar("ContravariantT", bound=nn.Module, contravariant=True)


class InferenceProcedureCallable(Protocol[ContravariantT]):
    """A function that uses a module for inference. It gets the module, then the arguments."""

    def __call__(self, model: ContravariantT, /, *args: Any, **kwds: Any) -> Any:
        """Use the module."""


def get_device(module: nn.Module, default_device: torch.device | None = None) -> torch.device:
    """Return the device of a module, which is that of its first parameter or buffer.

    Args:
        module: The module.
        default_device: Returned for a module without either; None: torch's default device.
    """
    for tensors in (module.parameters(), module.buffers()):
        for tensor in tensors:
            return tensor.device
    return torch.get_default_device() if default_device is None else default_device


def default_infer_procedure(model: nn.Module, *args: Any, **kwds: Any) -> Any:
    """Call a module; move tensors among the arguments to its device before."""
    device = get_device(model)
    moved = [arg.to(device) if isinstance(arg, Tensor) else arg for arg in args]
    named = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in kwds.items()}
    return model(*moved, **named)
