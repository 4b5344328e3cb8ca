"""TorchInferenceModel: a module that acts, and takes new weights between two ticks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import RLock
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..model import InferenceModel, ParameterReader
from .swap import WeightSwap

T = TypeVar("T", bound=nn.Module)
ContravariantT = TypeVar("ContravariantT", bound=nn.Module, contravariant=True)


class InferenceProcedureCallable(Protocol[ContravariantT]):
    """How a module is used for inference: called with the module, then the arguments."""

    def __call__(self, model: ContravariantT, /, *args: Any, **kwds: Any) -> Any:
        """Use the module."""


def get_device(module: nn.Module, default_device: torch.device | None = None) -> torch.device:
    """The device a module is on.

    Args:
        module: The module; that of its first parameter or buffer counts.
        default_device: The answer for a module without either; None: torch's default device.
    """
    for tensors in (module.parameters(), module.buffers()):
        for tensor in tensors:
            return tensor.device
    return torch.get_default_device() if default_device is None else default_device


def default_infer_procedure(model: nn.Module, *args: Any, **kwds: Any) -> Any:
    """Call a module, with arguments that are tensors moved to its device."""
    device = get_device(model)
    moved = [arg.to(device) if isinstance(arg, Tensor) else arg for arg in args]
    named = {k: v.to(device) if isinstance(v, Tensor) else v for k, v in kwds.items()}
    return model(*moved, **named)


class TorchInferenceModel(InferenceModel, Generic[T]):
    """The side of a torch model that the agent uses.

    Its parameters are those of the module and its persistent buffers. There are two sets of them,
    the one in use and one that is staged; swapping exchanges the memory of the two. All else in
    the module (a recurrent state, buffers that are not persistent) stays.
    """

    def __init__(self, model: T, inference_procedure: InferenceProcedureCallable[T]) -> None:
        """Use a module.

        Args:
            model: The module, from now on in eval mode.
            inference_procedure: How `infer` uses it.
        """
        self._inference_procedure = inference_procedure
        self._lock = RLock()
        self._raw_model = model

    @property
    def _raw_model(self) -> T:
        return self._model

    @_raw_model.setter
    def _raw_model(self, model: T) -> None:
        with self._lock:
            self._model = model.eval()
            self._weights = WeightSwap(model, self._lock)

    def infer(self, *args: Any, **kwds: Any) -> Any:
        """Use the module by the inference procedure, in inference mode."""
        with torch.inference_mode(), self._lock:
            return self._inference_procedure(self._model, *args, **kwds)

    @contextmanager
    def unwrap(self, inference_mode: bool = True) -> Iterator[T]:
        """The module itself, for as long as the context lasts; nobody else uses it meanwhile.

        Args:
            inference_mode: Whether the context is in inference mode; False: gradients work.
        """
        with torch.inference_mode(inference_mode), self._lock:
            yield self._model

    def export_parameters(self) -> dict[str, Any]:
        """The parameters and persistent buffers by name, tied ones once; not copied."""
        return {**self._weights.export()}

    def stage_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Put new parameters aside for `swap_parameters`; any thread.

        Args:
            parameters: A tensor for each name in `export_parameters()`; tied ones by any of their
                names. They are kept where they lie if the module can use them as they are, and
                copied otherwise: the caller leaves them alone from now on.

        Raises:
            ValueError: A name is missing or unknown, a tensor has another shape or dtype, or is
                not finite; names the tensor and says what was expected and found.
        """
        self._weights.adopt(parameters)

    def stage_from(self, reader: ParameterReader) -> None:
        """Read new parameters into the set that is not in use; any thread.

        That set is allocated once and used again. What was staged and not yet swapped in is
        written over: when reading fails after it began, nothing is staged any more.

        Args:
            reader: A tensor for each name in `export_parameters()`; tied ones by any of their
                names.

        Raises:
            ValueError: A name is missing or unknown, a tensor has another shape or dtype, which
                is found before any is read, or is not finite; names the tensor and says what was
                expected and found.
            StaleParameters: They were written over meanwhile.
        """
        self._weights.fill(reader)

    def swap_parameters(self) -> bool:
        """Take what is staged; called between two ticks. Never waits.

        Returns:
            Whether something was staged; False also while it is still being filled, or while
            another thread uses the module.
        """
        return self._weights.swap()

    def release_spare(self) -> None:
        """Let go of the set that is not in use, unless something is staged in it."""
        self._weights.release_spare()
