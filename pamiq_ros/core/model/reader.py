"""ParameterReader: parameters that lie elsewhere and are read straight to where they are used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


class StaleParameters(Exception):
    """The parameters were written over or vanished before they had been read whole."""


@dataclass(frozen=True)
class TensorSpec:
    """What a tensor looks like.

    Attributes:
        dtype: Type of its elements.
        shape: Its shape; empty for a scalar.
    """

    dtype: torch.dtype
    shape: tuple[int, ...]

    def __str__(self) -> str:
        """As in `float32 [3, 4]`."""
        return f"{str(self.dtype).removeprefix('torch.')} {list(self.shape)}"


class ParameterReader(Protocol):
    """The parameters of one version, in memory that another process may write over meanwhile."""

    @property
    def specs(self) -> Mapping[str, TensorSpec]:
        """What each tensor looks like, by its name in `export_parameters()`."""

    def read(self, name: str, into: Tensor) -> None:
        """Copy one tensor, without the interpreter lock.

        Args:
            name: Its name.
            into: Filled; on the CPU, contiguous, of the dtype and shape in `specs`.

        Raises:
            ValueError: It is not finite; names the tensor.
            StaleParameters: It can't be read whole any more.
        """

    def check(self) -> None:
        """Make sure that all that was read is of this version; called after the last read.

        Raises:
            StaleParameters: It was written over while it was read.
        """
