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

"""Copies tensors into the spare set of weights: from this process, and to a device."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import torch
from torch import Tensor

from ..model.parameters import ParameterReader, TensorSpec, copy_finite, not_finite

_cuda: Any = torch.cuda  # its classes have no types


class TensorReader:
    """Reads tensors of this process. They must not change meanwhile."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        """Read these tensors.

        Raises:
            ValueError: One is not a tensor; names it.
        """
        for name, value in tensors.items():
            if not isinstance(value, Tensor):
                kind = type(value).__name__
                raise ValueError(f"parameter {name}: expected a tensor, found {kind}")
        self._tensors = tensors
        self.specs = {name: TensorSpec.of(tensor) for name, tensor in tensors.items()}

    def read(self, name: str, into: Tensor) -> None:
        """Copy a tensor; see `ParameterReader`."""
        if not copy_finite(self._tensors[name], into):
            raise not_finite(name)

    def check(self) -> None:
        """Do nothing: no other process writes to the tensors."""


class Staging:
    """Copies tensors from a reader to a device, or into another memory layout, by host buffers.

    Copies to a CUDA device use a stream of their own, so they neither wait for the kernels of a
    tick nor delay them. One of two buffers is filled while the other one is copied.
    """

    def __init__(self, device: torch.device) -> None:
        """Create the buffers and the stream for a device."""
        cuda = device.type == "cuda"
        self._device = device
        self._stream = _cuda.Stream(device) if cuda else None
        self._retired: Any = None
        self._buffers = [_HostBuffer(pinned=cuda), _HostBuffer(pinned=cuda)]

    def begin(self) -> None:
        """Make the next copies wait, on the device, for kernels that use their targets now."""
        if self._stream is None:
            return
        # A new target's memory may still be in use by kernels that were queued before it was
        # freed; that of an old one by those of the ticks before the last swap.
        self._stream.wait_stream(_cuda.current_stream(self._device))
        if self._retired is not None:
            self._stream.wait_event(self._retired)

    def write(self, reader: ParameterReader, name: str, into: Tensor) -> None:
        """Copy a tensor; the copy is complete after `finish`."""
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
        """Wait in the staging thread until all copies are complete, so that no tick has to."""
        if self._stream is not None:
            self._stream.synchronize()

    def retire(self) -> None:
        """Record that kernels of the current stream may still use the set that was swapped out."""
        if self._stream is not None:
            self._retired = _cuda.current_stream(self._device).record_event()

    def settle(self) -> None:
        """Wait until no kernel uses the set that was swapped out, so that it can be freed."""
        if self._retired is not None:
            self._retired.synchronize()


class _HostBuffer:
    """Memory of the size of the largest tensor so far; pinned memory is copied asynchronously."""

    def __init__(self, pinned: bool) -> None:
        self._pinned = pinned
        self._bytes = torch.empty(0, dtype=torch.uint8)
        self._used: Any = None

    def tensor(self, spec: TensorSpec) -> Tensor:
        """Wait for the last copy from the memory; return the memory as a tensor."""
        if self._used is not None:
            self._used.synchronize()
        size = prod(spec.shape) * spec.dtype.itemsize
        if self._bytes.numel() < size:
            self._bytes = torch.empty(size, dtype=torch.uint8, pin_memory=self._pinned)
        return self._bytes[:size].view(spec.dtype).view(spec.shape)

    def in_use(self, stream: Any) -> None:
        """Do not reuse the memory before the stream has finished its work so far."""
        self._used = stream.record_event(_cuda.Event(blocking=True))
