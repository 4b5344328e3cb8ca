"""TorchInferenceModel: a module that acts, and takes new weights between two ticks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock, RLock
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..model import InferenceModel
from .weights import check_weights, detached, distinct_tensors

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

    Its parameters are those of the module and its persistent buffers. Staging copies them into
    shadow tensors; swapping exchanges the memory of the two. All else in the module (a recurrent
    state, buffers that are not persistent) stays.
    """

    def __init__(self, model: T, inference_procedure: InferenceProcedureCallable[T]) -> None:
        """Use a module.

        Args:
            model: The module, from now on in eval mode.
            inference_procedure: How `infer` uses it.
        """
        self._model = model.eval()
        self._inference_procedure = inference_procedure
        self._lock = RLock()
        self._staging_lock = Lock()
        self._staged: list[tuple[Tensor, Tensor]] | None = None
        self._spare: list[tuple[Tensor, Tensor]] | None = None
        self._tensors: dict[str, Tensor] | None = None

    @property
    def _raw_model(self) -> T:
        return self._model

    @_raw_model.setter
    def _raw_model(self, model: T) -> None:
        with self._staging_lock, self._lock:
            self._model = model.eval()
            self._staged = self._spare = self._tensors = None

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
        return detached(self._own())

    def stage_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Copy parameters into the shadow tensors for `swap_parameters`; any thread.

        Args:
            parameters: A tensor for each name in `export_parameters()`; further names of tied
                ones are accepted and not looked at.

        Raises:
            ValueError: A name is missing or unknown, a tensor has another shape or dtype, or is
                not finite; names the tensor and says what was expected and found.
        """
        own = self._own()
        aliases = self._model.state_dict(keep_vars=True).keys()
        check_weights(own, parameters, aliases)
        with self._staging_lock:
            # What was staged and not swapped is written over; until then there is nothing staged.
            staged, self._staged = self._staged, None
            pairs = staged or self._spare
            if pairs is None or not all(_alike(*pair) for pair in pairs):
                pairs = _shadows(own)
            self._spare = None
            for name, (_, shadow) in zip(own, pairs, strict=True):
                shadow.copy_(parameters[name])
            self._staged = pairs

    def swap_parameters(self) -> bool:
        """Take what is staged; called between two ticks.

        Returns:
            Whether something was staged; False also while it is still being copied.
        """
        if self._staged is None or not self._staging_lock.acquire(blocking=False):
            return False
        try:
            if self._staged is None:
                return False
            with self._lock:
                exchanged = []
                for tensor, shadow in self._staged:
                    old = tensor.data
                    tensor.data = shadow
                    exchanged.append((tensor, old))
            self._spare, self._staged = exchanged, None
            return True
        finally:
            self._staging_lock.release()

    def _own(self) -> dict[str, Tensor]:
        if self._tensors is None:
            with self._lock:  # a swap in between would hide which tensors are tied
                self._tensors = distinct_tensors(self._model)
        return self._tensors


def _shadows(own: Mapping[str, Tensor]) -> list[tuple[Tensor, Tensor]]:
    # A tensor made in inference mode could not be trained on or changed outside of it.
    with torch.inference_mode(False):
        return [(tensor, torch.empty_like(tensor.data)) for tensor in own.values()]


def _alike(tensor: Tensor, shadow: Tensor) -> bool:
    """Whether the module was not moved or turned into another dtype since."""
    return (tensor.shape, tensor.dtype, tensor.device) == (
        shadow.shape,
        shadow.dtype,
        shadow.device,
    )
