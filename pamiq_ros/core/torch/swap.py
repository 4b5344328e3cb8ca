"""WeightSwap: a second set of a module's weights, and the exchange of the two between ticks."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock, RLock
from typing import Any

import torch
from torch import Tensor, nn

from ..model.parameters import ParameterReader, TensorSpec, is_finite
from .staging import Staging
from .weights import (
    Places,
    TensorReader,
    check_tensors,
    check_weights,
    named_tensors,
    not_finite,
    places_of,
    spec_of,
    tied_names,
)


class WeightSwap:
    """At most two sets of a module's weights: the one in use, and the spare that is filled.

    Filling takes long and is done beside the tick; the exchange takes microseconds, never waits,
    and frees no memory: giving back that of a large tensor takes milliseconds. What was in use
    is the spare of the next version.
    """

    def __init__(self, module: nn.Module, using: RLock) -> None:
        """Swap the weights of a module.

        Args:
            module: The module; its weights are looked up when they are first needed.
            using: Held by whoever uses the module.
        """
        self._module, self._using = module, using
        self._filling = Lock()
        self._names: list[tuple[str, ...]] = []
        self._places: list[Places] = []
        self._live: list[Tensor | None] = []
        self._spares: list[Tensor | None] = []
        self._staged: list[tuple[dict[str, Tensor], str, Tensor]] | None = None
        self._stagings: dict[torch.device, Staging] = {}

    def export(self) -> dict[str, Tensor]:
        """The weights in use by name, tied ones by the first of their names alone."""
        self._look_up()
        with self._using:
            tensors = self._tensors()
        return {tied[0]: t.detach() for tied, t in zip(self._names, tensors, strict=True)}

    def fill(self, reader: ParameterReader) -> None:
        """Fill the spare set; see `TorchInferenceModel.stage_from`."""
        with self._filling, torch.inference_mode(False), torch.no_grad():
            names = self._fitting(reader.specs)
            # Until it is whole again, nothing is staged.
            self._staged = None
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

    def adopt(self, parameters: Mapping[str, Any]) -> None:
        """Take tensors as the spare set; see `TorchInferenceModel.stage_parameters`."""
        check_tensors(parameters)
        with self._filling, torch.inference_mode(False), torch.no_grad():
            names = self._fitting({name: spec_of(tensor) for name, tensor in parameters.items()})
            tensors = [parameters[name].detach() for name in names]
            live = self._tensors()
            adoptable = all(map(_adoptable, tensors, live))
            if adoptable:
                for name, tensor in zip(names, tensors, strict=True):
                    if not is_finite(tensor):
                        raise not_finite(name)
                self._stage(tensors)
        if not adoptable:
            self.fill(TensorReader(parameters))

    def swap(self) -> bool:
        """Exchange the sets if a version is staged and nobody uses the module; never waits.

        Returns:
            Whether they were exchanged.
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
        """Let go of the spare set, unless a version waits in it."""
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
        """The spare set; one tensor is made anew at most, where another had another form."""
        for index, tensor in enumerate(self._tensors()):
            spare = self._spares[index]
            if spare is None or not _alike(spare, tensor) or _held_elsewhere(spare):
                # In two steps: never three of a tensor.
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
        # Held until the next staging: the exchange would free them else, in the tick.
        self._live = [tensor.data for tensor in self._tensors()]
        self._staged = [
            (registry, key, new)
            for places, new in zip(self._places, tensors, strict=True)
            for registry, key in places
        ]


def _alike(spare: Tensor, tensor: Tensor) -> bool:
    """Whether a tensor can take another's place unnoticed: modules are moved and turned."""
    return (spare.shape, spare.dtype, spare.device, spare.stride()) == (
        tensor.shape,
        tensor.dtype,
        tensor.device,
        tensor.stride(),
    )


def _adoptable(new: Tensor, tensor: Tensor) -> bool:
    aligned = new.data_ptr() % new.element_size() == 0
    return new.is_cpu and aligned and not new.is_inference() and _alike(new, tensor)


_use_count = getattr(torch._C, "_storage_Use_Count", None)


def _uses(tensor: Tensor) -> int:
    storage = tensor.untyped_storage()
    return int(_use_count(storage._cdata)) if _use_count else 0


_ALONE = _uses(torch.empty(1))


def _held_elsewhere(spare: Tensor) -> bool:
    """Whether another tensor lies in its memory, such as a view that the agent got from a tick."""
    # Without the count (builds of torch for the processor alone, before 2.5) it is to be feared.
    return _use_count is None or _uses(spare) > _ALONE
