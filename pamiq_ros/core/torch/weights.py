"""The tensors of a module that are its weights, and which may take their place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..model.parameters import NotFiniteError, TensorSpec, copy_finite


def named_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The parameters and persistent buffers themselves by their names in the state dict.

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
    """The names of each tensor; those of tied ones, which share their memory, are together."""
    names: dict[Any, list[str]] = {}
    for name, tensor in tensors.items():
        memory = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        names.setdefault(memory if tensor.numel() > 0 else name, []).append(name)
    return [tuple(tied) for tied in names.values()]


def distinct_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The same as `named_tensors`, tied ones by the first of their names alone."""
    tensors = named_tensors(module)
    return {tied[0]: tensors[tied[0]] for tied in tied_names(tensors)}


def spec_of(tensor: Tensor) -> TensorSpec:
    """What a tensor looks like."""
    return TensorSpec(tensor.dtype, tuple(tensor.shape))


def check_weights(
    own: Mapping[tuple[str, ...], TensorSpec], new: Mapping[str, TensorSpec]
) -> list[str]:
    """Check that new weights can take the place of a module's own.

    Args:
        own: What the module's tensors look like, by all the names each has.
        new: What is to take their place; tied ones by any of their names.

    Returns:
        The name in `new` of each of the module's own.

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


def detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same memory, without gradients."""
    return {name: tensor.detach() for name, tensor in tensors.items()}


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


def not_finite(name: str) -> NotFiniteError:
    """The error for a tensor with a NaN or an infinity."""
    return NotFiniteError(f"parameter {name}: expected finite values, found NaN or infinity")


Places = list[tuple[dict[str, Any], str]]
"""Dicts in which a module keeps a tensor, and the keys by which it finds it there."""


def places_of(module: nn.Module, tensors: Mapping[str, Tensor]) -> list[Places]:
    """Where a module keeps its weights, those of tied ones together, in the order of `tied_names`.

    The places stay, while the module may put another tensor there, as in `self.n = self.n + 1`.
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
