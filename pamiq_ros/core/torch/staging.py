"""Staging: brings tensors from a reader to where the reader cannot write."""

from __future__ import annotations

from math import prod
from typing import Any

import torch
from torch import Tensor

from ..model.parameters import ParameterReader, TensorSpec

_cuda: Any = torch.cuda  # its classes carry no types


class Staging:
    """Two host buffers through which tensors go in turn, to a device or into another layout.

    To a CUDA device they go by a stream of their own: they neither wait for the kernels of a tick
    nor hold them up. One buffer is read into while the other one is being copied.
    """

    def __init__(self, device: torch.device) -> None:
        """Stage for tensors on this device."""
        cuda = device.type == "cuda"
        self._device = device
        self._stream = _cuda.Stream(device) if cuda else None
        self._retired: Any = None
        self._buffers = [_HostBuffer(pinned=cuda), _HostBuffer(pinned=cuda)]

    def begin(self) -> None:
        """Let the copies that follow wait, on the device, for those who use their targets now."""
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
        """Wait, in the staging thread, until all is written: the tick then has nothing to await."""
        if self._stream is not None:
            self._stream.synchronize()

    def retire(self) -> None:
        """Remember that kernels in the current stream may still use what was swapped out."""
        if self._stream is not None:
            self._retired = _cuda.current_stream(self._device).record_event()

    def settle(self) -> None:
        """Wait until no kernel uses what was swapped out: it may be freed then."""
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
        """Leave the memory alone until all that the stream was given so far is done."""
        self._used = stream.record_event(_cuda.Event(blocking=True))
