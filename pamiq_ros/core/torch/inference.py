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

"""TorchInferenceModel: a module that acts, and adopts new weights between two ticks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock, RLock
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..model import InferenceModel, ParameterReader, TensorSpec
from ..model.parameters import is_finite, not_finite
from .procedures import InferenceProcedureCallable
from .staging import Staging, TensorReader

T = TypeVar("T", bound=nn.Module)

Places = list[tuple[dict[str, Any], str]]
"""The dicts in which a module keeps a tensor, with the tensor's key in each."""


class TorchInferenceModel(InferenceModel, Generic[T]):
    """A torch model as the agent uses it.

    Its parameters are those of the module and its persistent buffers. There are two sets of them:
    one in use, and a spare one that is filled while ticks run. A swap exchanges the two. It takes
    microseconds, never waits and frees no memory, because freeing a large tensor takes
    milliseconds. Everything else in the module (a recurrent state, other buffers) stays.
    """

    def __init__(self, model: T, inference_procedure: InferenceProcedureCallable[T]) -> None:
        """Use a module.

        Args:
            model: The module; it is set to eval mode. Its weights are looked up when they are
                first needed.
            inference_procedure: How `infer` uses the module.
        """
        self._inference_procedure = inference_procedure
        self._using, self._filling = RLock(), Lock()
        self._raw_model = model

    @property
    def _raw_model(self) -> T:
        return self._module

    @_raw_model.setter
    def _raw_model(self, module: T) -> None:
        """Use another module and drop staged parameters. Not within `unwrap`."""
        with self._filling, self._using:
            self._module = module.eval()
            self._names: list[tuple[str, ...]] = []
            self._places: list[Places] = []
            self._live: list[Tensor | None] = []
            self._spares: list[Tensor | None] = []
            self._staged: list[tuple[dict[str, Tensor], str, Tensor]] | None = None
            self._stagings: dict[torch.device, Staging] = {}

    def infer(self, *args: Any, **kwds: Any) -> Any:
        """Call the inference procedure with the module, in inference mode."""
        with torch.inference_mode(), self._using:
            return self._inference_procedure(self._module, *args, **kwds)

    @contextmanager
    def unwrap(self, inference_mode: bool = True) -> Iterator[T]:
        """Enclose direct use of the module; other threads wait meanwhile.

        Args:
            inference_mode: Whether the context is in inference mode; False: gradients work.
        """
        with torch.inference_mode(inference_mode), self._using:
            yield self._module

    def export_parameters(self) -> dict[str, Any]:
        """Return the parameters and persistent buffers by name, tied ones once; not copied."""
        self._look_up()
        with self._using:
            tensors = self._tensors()
        return {tied[0]: t.detach() for tied, t in zip(self._names, tensors, strict=True)}

    def stage_parameters(self, parameters: Mapping[str, Any]) -> None:
        """Stage new parameters for `swap_parameters`; any thread.

        Args:
            parameters: A tensor for each name in `export_parameters()`; tied ones by any of their
                names. If the module can use them as they are, they become the spare set; otherwise
                they are copied into it. The caller must not change them afterwards.

        Raises:
            ValueError: A name is missing or unknown, a tensor has another shape or dtype, or is
                not finite; names the tensor and says what was expected and found.
        """
        reader = TensorReader(parameters)
        with self._filling, torch.inference_mode(False), torch.no_grad():
            names = self._fitting(reader.specs)
            tensors = [parameters[name].detach() for name in names]
            usable = all(map(_usable, tensors, self._tensors()))
            if usable:
                for name, tensor in zip(names, tensors, strict=True):
                    if not is_finite(tensor):
                        raise not_finite(name)
                self._stage(tensors)
        if not usable:
            self.stage_from(reader)

    def stage_from(self, reader: ParameterReader) -> None:
        """Read new parameters into the spare set; any thread.

        The set is allocated once and reused. Parameters that were staged and not yet swapped in are
        overwritten: if reading fails after it began, nothing is staged.

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
                    if _is_direct(spare):
                        reader.read(name, spare)
                    else:
                        self._stagings[spare.device].write(reader, name, spare)
            finally:
                for staging in self._stagings.values():
                    staging.finish()
            reader.check()
            self._stage(spares)

    def swap_parameters(self) -> bool:
        """Adopt the staged parameters, between two ticks. Never waits.

        Returns:
            Whether it adopted any; False also while they are being read, or while another thread
            uses the module.
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
        """Free the spare set unless parameters are staged in it."""
        with self._filling:
            if self._staged is None:
                for staging in self._stagings.values():
                    staging.settle()
                self._spares = [None] * len(self._spares)

    def _look_up(self) -> None:
        if self._names:
            return
        with self._using:  # during a swap, tied tensors could not be recognized
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
        own = zip(self._names, self._tensors(), strict=True)
        return check_weights({names: TensorSpec.of(tensor) for names, tensor in own}, specs)

    def _prepared(self) -> list[Tensor]:
        """Return the spare set. A tensor that does not fit is allocated again."""
        for index, tensor in enumerate(self._tensors()):
            spare = self._spares[index]
            if spare is None or not _alike(spare, tensor) or _held_elsewhere(spare):
                # Freed first, so that there are never three copies of a tensor.
                spare = self._spares[index] = None
                self._spares[index] = torch.empty_like(tensor.data)
            if not _is_direct(tensor) and tensor.device not in self._stagings:
                self._stagings[tensor.device] = Staging(tensor.device)
        for staging in self._stagings.values():
            staging.begin()
        return [spare for spare in self._spares if spare is not None]

    def _stage(self, tensors: list[Tensor]) -> None:
        self._spares = list(tensors)
        # Kept until the next staging, or the swap would free them in the tick.
        self._live = [tensor.data for tensor in self._tensors()]
        self._staged = [
            (registry, key, new)
            for places, new in zip(self._places, tensors, strict=True)
            for registry, key in places
        ]


def _is_direct(spare: Tensor) -> bool:
    """Return whether a reader can read directly into a tensor."""
    return spare.is_cpu and spare.is_contiguous()


def _alike(spare: Tensor, tensor: Tensor) -> bool:
    """Return whether a tensor can replace another one; modules may be moved or converted."""
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
    """Whether another tensor shares its memory, such as a view that the agent got from a tick."""
    # Without the count (builds of torch for CPU only, before 2.5) it must be assumed.
    return _use_count is None or _uses(spare) > _ALONE


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the parameters and persistent buffers themselves, by their names in the state dict.

    Raises:
        ValueError: A lazy module has not been used yet; names the parameter.
    """
    state = module.state_dict(keep_vars=True)
    tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
    for name, tensor in tensors.items():
        if is_lazy(tensor):
            raise ValueError(
                f"parameter {name}: has no shape yet; call the lazy module once before it is used"
            )
    return tensors


def tied_names(tensors: Mapping[str, Tensor]) -> list[tuple[str, ...]]:
    """Return the names of each tensor; those of tied ones, which share memory, together."""
    names: dict[Any, list[str]] = {}
    for name, tensor in tensors.items():
        memory = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        names.setdefault(memory if tensor.numel() > 0 else name, []).append(name)
    return [tuple(tied) for tied in names.values()]


def distinct_tensors(module: nn.Module) -> dict[str, Tensor]:
    """Return the same as `named_tensors`, tied ones by the first of their names only."""
    tensors = named_tensors(module)
    return {tied[0]: tensors[tied[0]] for tied in tied_names(tensors)}


def check_weights(
    own: Mapping[tuple[str, ...], TensorSpec], new: Mapping[str, TensorSpec]
) -> list[str]:
    """Check that new weights can take the place of a module's own.

    Args:
        own: Specs of the module's tensors, by all the names each has.
        new: Specs of their replacements; tied ones by any of their names.

    Returns:
        The name in `new` for each of `own`.

    Raises:
        ValueError: A name is missing or unknown, or a tensor has another shape or dtype; names
            the tensor and says what was expected and found.
    """
    found = {tied: next((name for name in tied if name in new), None) for tied in own}
    missing = sorted(tied[0] for tied, name in found.items() if name is None)
    unknown = sorted(new.keys() - {name for tied in own for name in tied})
    if missing or unknown:
        raise ValueError(f"parameters: missing {missing}, unknown {unknown}")
    names = [name for name in found.values() if name is not None]
    for name, spec in zip(names, own.values(), strict=True):
        if new[name] != spec:
            raise ValueError(f"parameter {name}: expected {spec}, found {new[name]}")
    return names


def places_of(module: nn.Module, tensors: Mapping[str, Tensor]) -> list[Places]:
    """Return where a module keeps its weights, in the order of `tied_names`.

    The module may put another tensor there, as in `self.n = self.n + 1`; the places stay.
    """
    places: dict[int, Places] = {}
    for owner in module.modules():
        for registry in (owner._parameters, owner._buffers):
            for key, value in registry.items():
                places.setdefault(id(value), []).append((registry, key))
    found = []
    for tied in tied_names(tensors):
        distinct = {id(tensors[name]): tensors[name] for name in tied}
        # A tensor that a module's own state_dict made is changed in place.
        each = (places.get(key) or [({"": tensor}, "")] for key, tensor in distinct.items())
        found.append([place for group in each for place in group])
    return found
