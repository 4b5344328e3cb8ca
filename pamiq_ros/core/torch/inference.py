"""TorchInferenceModel: a module that acts, and takes new weights between two ticks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock, RLock
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..model import InferenceModel, ParameterReader, TensorSpec
from ..model.parameters import is_finite, not_finite
from .weights import (
    Places,
    Staging,
    TensorReader,
    check_tensors,
    check_weights,
    named_tensors,
    places_of,
    spec_of,
    tied_names,
)

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

    Its parameters are those of the module and its persistent buffers. There are two sets of them:
    the one in use, and a spare that is filled beside the ticks. Swapping exchanges the two, which
    takes microseconds, never waits and frees no memory: freeing a large tensor takes milliseconds.
    All else in the module (a recurrent state, buffers that are not persistent) stays.
    """

    def __init__(self, model: T, inference_procedure: InferenceProcedureCallable[T]) -> None:
        """Use a module.

        Args:
            model: The module, from now on in eval mode. Its weights are looked up when they are
                first needed.
            inference_procedure: How `infer` uses it.
        """
        self._inference_procedure = inference_procedure
        self._using, self._filling = RLock(), Lock()
        self._raw_model = model

    @property
    def _raw_model(self) -> T:
        return self._module

    @_raw_model.setter
    def _raw_model(self, module: T) -> None:
        """Use another module; drops what is staged. Not within `unwrap`."""
        with self._filling, self._using:
            self._module = module.eval()
            self._names: list[tuple[str, ...]] = []
            self._places: list[Places] = []
            self._live: list[Tensor | None] = []
            self._spares: list[Tensor | None] = []
            self._staged: list[tuple[dict[str, Tensor], str, Tensor]] | None = None
            self._stagings: dict[torch.device, Staging] = {}

    def infer(self, *args: Any, **kwds: Any) -> Any:
        """Use the module by the inference procedure, in inference mode."""
        with torch.inference_mode(), self._using:
            return self._inference_procedure(self._module, *args, **kwds)

    @contextmanager
    def unwrap(self, inference_mode: bool = True) -> Iterator[T]:
        """The module itself, for as long as the context lasts; nobody else uses it meanwhile.

        Args:
            inference_mode: Whether the context is in inference mode; False: gradients work.
        """
        with torch.inference_mode(inference_mode), self._using:
            yield self._module

    def export_parameters(self) -> dict[str, Any]:
        """The parameters and persistent buffers by name, tied ones once; not copied."""
        self._look_up()
        with self._using:
            tensors = self._tensors()
        return {tied[0]: t.detach() for tied, t in zip(self._names, tensors, strict=True)}

    def stage_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Stage new parameters for `swap_parameters`; any thread.

        Args:
            parameters: A tensor for each name in `export_parameters()`; tied ones by any of their
                names. They become the spare set if the module can use them as they are, and are
                copied into it otherwise: the caller leaves them alone from now on.

        Raises:
            ValueError: A name is missing or unknown, a tensor has another shape or dtype, or is
                not finite; names the tensor and says what was expected and found.
        """
        check_tensors(parameters)
        with self._filling, torch.inference_mode(False), torch.no_grad():
            names = self._fitting({name: spec_of(tensor) for name, tensor in parameters.items()})
            tensors = [parameters[name].detach() for name in names]
            usable = all(map(_usable, tensors, self._tensors()))
            if usable:
                for name, tensor in zip(names, tensors, strict=True):
                    if not is_finite(tensor):
                        raise not_finite(name)
                self._stage(tensors)
        if not usable:
            self.stage_from(TensorReader(parameters))

    def stage_from(self, reader: ParameterReader) -> None:
        """Read new parameters into the spare set; any thread.

        That set is allocated once and used again. What was staged and not yet swapped in is
        overwritten: when reading fails after it began, nothing is staged any more.

        Args:
            reader: A tensor for each name in `export_parameters()`; tied ones by any of their
                names.

        Raises:
            ValueError: A name is missing or unknown, a tensor has another shape or dtype, which
                is found before any is read, or is not finite; names the tensor and says what was
                expected and found.
            StaleParameters: They were written over meanwhile.
        """
        with self._filling, torch.inference_mode(False), torch.no_grad():
            names = self._fitting(reader.specs)
            self._staged = None  # until the set is whole again
            spares = self._prepared()
            try:
                for name, spare in zip(names, spares, strict=True):
                    if spare.is_cpu and spare.is_contiguous():
                        reader.read(name, spare)
                    else:
                        self._stagings[spare.device].write(reader, name, spare)
            finally:
                for staging in self._stagings.values():
                    staging.finish()
            reader.check()
            self._stage(spares)

    def swap_parameters(self) -> bool:
        """Take what is staged; called between two ticks. Never waits.

        Returns:
            Whether something was staged; False also while it is still being filled, or while
            another thread uses the module.
        """
        if self._staged is None or not self._filling.acquire(blocking=False):
            return False
        try:
            if self._staged is None or not self._using.acquire(blocking=False):
                return False
            try:
                found = [(registry[key], new) for registry, key, new in self._staged]
                for tensor, new in found:
                    tensor.data = new
                for staging in self._stagings.values():
                    staging.retire()
            finally:
                self._using.release()
            self._live, self._spares = self._spares, self._live
            self._staged = None
            return True
        finally:
            self._filling.release()

    def release_spare(self) -> None:
        """Free the spare set, unless something is staged in it."""
        with self._filling:
            if self._staged is None:
                for staging in self._stagings.values():
                    staging.settle()
                self._spares = [None] * len(self._spares)

    def _look_up(self) -> None:
        if self._names:
            return
        with self._using:  # a swap in between would hide which tensors are tied
            if self._names:
                return
            tensors = named_tensors(self._module)
            self._places = places_of(self._module, tensors)
            self._spares = [None] * len(self._places)
            self._names = tied_names(tensors)

    def _tensors(self) -> list[Tensor]:
        return [registry[key] for (registry, key), *_ in self._places]

    def _fitting(self, specs: Mapping[str, TensorSpec]) -> list[str]:
        self._look_up()
        own = {t: spec_of(x) for t, x in zip(self._names, self._tensors(), strict=True)}
        return check_weights(own, specs)

    def _prepared(self) -> list[Tensor]:
        """Return the spare set; a tensor that does not fit is allocated anew."""
        for index, tensor in enumerate(self._tensors()):
            spare = self._spares[index]
            if spare is None or not _alike(spare, tensor) or _held_elsewhere(spare):
                # Freed first: there are never three of a tensor.
                spare = self._spares[index] = None
                self._spares[index] = torch.empty_like(tensor.data)
            device = tensor.device
            if device not in self._stagings:
                self._stagings[device] = Staging(device)
        for staging in self._stagings.values():
            staging.begin()
        return [spare for spare in self._spares if spare is not None]

    def _stage(self, tensors: list[Tensor]) -> None:
        self._spares = list(tensors)
        # Kept until the next staging: else the exchange would free them, in the tick.
        self._live = [tensor.data for tensor in self._tensors()]
        self._staged = [
            (registry, key, new)
            for places, new in zip(self._places, tensors, strict=True)
            for registry, key in places
        ]


def _alike(spare: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor can take the place of another; modules may be moved or converted."""
    return (spare.shape, spare.dtype, spare.device, spare.stride()) == (
        tensor.shape,
        tensor.dtype,
        tensor.device,
        tensor.stride(),
    )


def _usable(new: Tensor, tensor: Tensor) -> bool:
    aligned = new.data_ptr() % new.element_size() == 0
    return new.is_cpu and aligned and not new.is_inference() and _alike(new, tensor)


_use_count = getattr(torch._C, "_storage_Use_Count", None)


def _uses(tensor: Tensor) -> int:
    storage = tensor.untyped_storage()
    return int(_use_count(storage._cdata)) if _use_count else 0


_ALONE = _uses(torch.empty(1))


def _held_elsewhere(spare: Tensor) -> bool:
    """Whether another tensor lies in its memory, such as a view that the agent got from a tick."""
    # Without the count (builds of torch for CPU only, before 2.5) it must be assumed.
    return _use_count is None or _uses(spare) > _ALONE
