"""The tensors of a module that are its weights, and which may take their place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..model.parameters import check_finite, check_names


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


def distinct_tensors(module: nn.Module) -> dict[str, Tensor]:
    """The same, without the second name of tensors that share their memory."""
    distinct: dict[str, Tensor] = {}
    known = set()
    for name, tensor in named_tensors(module).items():
        memory = (tensor.data_ptr(), tensor.shape, tensor.stride(), tensor.dtype)
        identity = memory if tensor.numel() > 0 else name
        if identity not in known:
            known.add(identity)
            distinct[name] = tensor
    return distinct


def check_weights(
    own: Mapping[str, Tensor], new: Mapping[str, Any], aliases: Collection[str] = ()
) -> None:
    """Check that new weights can take the place of a module's own.

    Args:
        own: The module's tensors.
        new: What is to take their place.
        aliases: Names that may be in `new` besides.

    Raises:
        ValueError: A name is missing or unknown, a tensor has another shape or dtype, or is not
            finite; names the tensor and says what was expected and found.
    """
    check_names(own, {name: v for name, v in new.items() if name in own or name not in aliases})
    for name, tensor in own.items():
        value = new[name]
        if not isinstance(value, Tensor):
            raise ValueError(f"parameter {name}: expected a tensor, found {type(value).__name__}")
        if (value.shape, value.dtype) != (tensor.shape, tensor.dtype):
            raise ValueError(f"parameter {name}: expected {_text(tensor)}, found {_text(value)}")
    for name in own:
        check_finite(name, new[name])


def _text(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def detached(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same memory, without gradients."""
    return {name: tensor.detach() for name, tensor in tensors.items()}
