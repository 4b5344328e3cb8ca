"""Experience batches written in place: one copy of each step, into memory that is taken once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor

from pamiq_ros.core.data.batch import DTYPES, Form, StepBatch, fill_column, leaves

from .experience import (
    MAX_CHECKSUM,
    MAX_SEQUENCE,
    ExperienceBatch,
    check_batch,
    checksum,
    experience_metadata,
)
from .payload import Layout, layout_of


class ExperienceWriter:
    """Writes the batches of one source for one buffer, each over the one before.

    The payloads are those of `encode_experience`; what differs is that nothing is allocated and
    that the steps are copied by calls that release the interpreter lock.

    Args:
        digest: Digest of the configuration that the source runs.
        source: Name of the process that acts.
        buffer: Name of the buffer the steps are for.
    """

    def __init__(self, digest: str, source: str, buffer: str) -> None:
        self._names = (digest, source, buffer)
        self._memory = torch.empty(0, dtype=torch.uint8)
        self._layout: Layout | None = None
        self._tensors: dict[str, Tensor] = {}

    def write(
        self,
        first_sequence: int,
        stamps: Sequence[int],
        weights_versions: Sequence[int],
        form: Form,
        rows: Sequence[Sequence[Any]],
    ) -> memoryview:
        """Write a batch.

        Args:
            first_sequence: Sequence number of the first step.
            stamps: When each step was collected, in ns since the epoch.
            weights_versions: Version of the weights that acted in each.
            form: The form of the steps.
            rows: The leaves of each step, as `flatten` gives them.

        Returns:
            The payload, until the next call.

        Raises:
            TypeError: A step holds a tensor that cannot be written.
            ValueError: The batch is empty, or a number is out of range.
        """
        layout = _layout(form, len(rows), *self._names)
        tensors = self._places(layout)
        tensors["stamps"].numpy()[:] = stamps
        tensors["weights_versions"].numpy()[:] = weights_versions
        columns = [tensors[f"column.{i}"] for i in range(len(tensors) - 2)]
        batch = ExperienceBatch(
            *self._names,
            first_sequence,
            tensors["stamps"],
            tensors["weights_versions"],
            StepBatch(form, columns),
        )
        check_batch(batch)
        for i, (leaf, column) in enumerate(zip(leaves(form), columns, strict=True)):
            fill_column(leaf, [row[i] for row in rows], column)
        payload = self._memory.numpy().data[: layout.size]
        payload[: layout.start] = layout.header(experience_metadata(batch, checksum(batch)))
        return payload

    def _places(self, layout: Layout) -> dict[str, Tensor]:
        """Where the tensors go; most batches are of the layout of the one before."""
        if layout is not self._layout:
            if len(self._memory) < layout.size:
                self._memory = torch.empty(layout.size, dtype=torch.uint8)
            data = self._memory[layout.start : layout.size]
            self._layout = layout
            self._tensors = {
                span.name: data[span.begin : span.end].view(span.dtype).view(span.shape)
                for span in layout.spans
            }
        return self._tensors


@lru_cache(maxsize=64)
def _layout(form: Form, count: int, digest: str, source: str, buffer: str) -> Layout:
    """Where everything of a batch of `count` steps lies."""
    numbers = torch.empty((), dtype=torch.int64).expand(count)
    # Tensors of the right shapes that take no memory.
    columns = [
        torch.empty((), dtype=DTYPES[leaf.dtype]).expand(count, *leaf.shape)
        for leaf in leaves(form)
    ]
    longest = ExperienceBatch(
        digest, source, buffer, MAX_SEQUENCE, numbers, numbers, StepBatch(form, columns)
    )
    tensors = {"stamps": numbers, "weights_versions": numbers}
    tensors.update({f"column.{i}": column for i, column in enumerate(columns)})
    return layout_of(tensors, experience_metadata(longest, MAX_CHECKSUM))
