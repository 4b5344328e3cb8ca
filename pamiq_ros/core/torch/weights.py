"""The weights of a module: names, places, specs of replacements, and copies to its device."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..model.parameters import ParameterReader, TensorSpec, copy_finite, not_finite

Places = list[tuple[dict[str, Any], str]]
"""Dicts in which a module keeps a tensor, and the keys by which it finds it there."""

_cuda: Any = torch.cuda  # its classes have no types


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


def spec_of(tensor: Tensor) -> TensorSpec:
    """Return the dtype and shape of a tensor."""
    return TensorSpec(tensor.dtype, tuple(tensor.shape))


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


def check_tensors(parameters: Mapping[str, Any]) -> None:
    """Check that parameters are tensors.

    Raises:
        ValueError: One is not; names it.
    """
    for name, value in parameters.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"parameter {name}: expected a tensor, found {type(value).__name__}")


class TensorReader:
    """Tensors of this process as a `ParameterReader`; nobody may change them meanwhile."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        """Read from these."""
        self._tensors = tensors
        self.specs = {name: spec_of(tensor) for name, tensor in tensors.items()}

    def read(self, name: str, into: Tensor) -> None:
        """Copy one; see `ParameterReader`."""
        if not copy_finite(self._tensors[name], into):
            raise not_finite(name)

    def check(self) -> None:
        """Nobody else writes to them."""


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
        # A tensor that a module's own state_dict made is changed where it lies.
        each = (places.get(key) or [({"": tensor}, "")] for key, tensor in distinct.items())
        found.append([place for group in each for place in group])
    return found


class Staging:
    """Copies tensors from a reader to a device, or into another memory layout, by host buffers.

    To a CUDA device they go by a stream of their own: they neither wait for the kernels of a tick
    nor delay them. One of two buffers is filled while the other one is copied.
    """

    def __init__(self, device: torch.device) -> None:
        """Stage for tensors on this device."""
        cuda = device.type == "cuda"
        self._device = device
        self._stream = _cuda.Stream(device) if cuda else None
        self._retired: Any = None
        self._buffers = [_HostBuffer(pinned=cuda), _HostBuffer(pinned=cuda)]

    def begin(self) -> None:
        """Let the next copies wait, on the device, for kernels that use their targets now."""
        if self._stream is None:
            return
        # A new target's memory may still be in use by kernels that were queued before it was
        # freed; that of an old one by those of the ticks before the last swap.
        self._stream.wait_stream(_cuda.current_stream(self._device))
        if self._retired is not None:
            self._stream.wait_event(self._retired)

    def write(self, reader: ParameterReader, name: str, into: Tensor) -> None:
        """Read a tensor; what is written is whole only after `finish`."""
        self._buffers.reverse()
        buffer = self._buffers[0]
        host = buffer.tensor(reader.specs[name])
        reader.read(name, host)
        if self._stream is None:
            into.copy_(host)
            return
        with _cuda.stream(self._stream):
            into.copy_(host, non_blocking=True)
            buffer.in_use(self._stream)

    def finish(self) -> None:
        """Wait, in the staging thread, until all is written: so that the tick does not have to."""
        if self._stream is not None:
            self._stream.synchronize()

    def retire(self) -> None:
        """Remember that kernels in the current stream may still use what was swapped out."""
        if self._stream is not None:
            self._retired = _cuda.current_stream(self._device).record_event()

    def settle(self) -> None:
        """Wait until no kernel uses the set that was swapped out: then it may be freed."""
        if self._retired is not None:
            self._retired.synchronize()


class _HostBuffer:
    """Memory as large as the largest tensor so far; pinned, copying from it does not wait."""

    def __init__(self, pinned: bool) -> None:
        self._pinned = pinned
        self._bytes = torch.empty(0, dtype=torch.uint8)
        self._used: Any = None

    def tensor(self, spec: TensorSpec) -> Tensor:
        """The memory as a tensor, once the last copy out of it is done."""
        if self._used is not None:
            self._used.synchronize()
        size = prod(spec.shape) * spec.dtype.itemsize
        if self._bytes.numel() < size:
            self._bytes = torch.empty(size, dtype=torch.uint8, pin_memory=self._pinned)
        return self._bytes[:size].view(spec.dtype).view(spec.shape)

    def in_use(self, stream: Any) -> None:
        """Do not reuse the memory before the stream has done all its work so far."""
        self._used = stream.record_event(_cuda.Event(blocking=True))
