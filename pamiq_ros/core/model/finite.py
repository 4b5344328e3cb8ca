"""Whether tensors have a NaN or an infinity, found by the block while it is in cache."""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterator

import torch
from torch import Tensor


class NotFiniteError(ValueError):
    """Weights have a NaN or an infinity: their training has gone wrong."""


BLOCK_BYTES = 2**19
"""What is looked at by one call: stays in the cache of one core, and keeps the calls few."""


def is_finite(tensor: Tensor) -> bool:
    """Whether a tensor has no NaN and no infinity.

    One pass without a mask in memory; the interpreter lock is let go of during each block.

    Args:
        tensor: Of any shape, dtype and device.
    """
    tensor = tensor.detach()
    if not _may_be_infinite(tensor):
        return True
    if not _in_blocks(tensor):
        return tensor.numel() == 0 or block_is_finite(tensor)
    return all(block_is_finite(block) for block in _blocks(tensor))


def copy_finite(source: Tensor, into: Tensor) -> bool:
    """Copy a tensor, and look at each block of the copy while it is in cache.

    It is the copy that is looked at: a source that changes meanwhile deceives nobody.

    Args:
        source: What to copy.
        into: Filled; of the same shape and dtype.

    Returns:
        Whether the copy has no NaN and no infinity; False: `into` may not be filled to its end.
    """
    source, into = source.detach(), into.detach()
    if not (_may_be_infinite(into) and _in_blocks(into) and _in_blocks(source)):
        into.copy_(source)
        return is_finite(into)
    for old, new in zip(_blocks(source), _blocks(into), strict=True):
        new.copy_(old)
        if not block_is_finite(new):
            return False
    return True


def _may_be_infinite(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()


def _in_blocks(tensor: Tensor) -> bool:
    large = tensor.numel() * tensor.element_size() > BLOCK_BYTES
    return large and tensor.is_cpu and tensor.is_contiguous()


def _blocks(tensor: Tensor) -> Iterator[Tensor]:
    flat, length = tensor.view(-1), BLOCK_BYTES // tensor.element_size()
    return (flat[begin : begin + length] for begin in range(0, flat.numel(), length))


def block_is_finite(block: Tensor) -> bool:
    """Whether a contiguous block of floating point or complex numbers is finite, quickly."""
    if block.element_size() == 1:
        block = block.float()  # there is no arithmetic on eight bits
    # The quickest look is a sum: what is not finite goes through it. So does an overflow of values
    # that are, which is rare and looked at exactly.
    if cmath.isfinite(block.sum().item()):
        return True
    real = torch.view_as_real(block.resolve_conj()) if block.is_complex() else block
    low, high = real.aminmax()  # a NaN comes through as both
    return math.isfinite(low.item()) and math.isfinite(high.item())
