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

"""Features: name, type and shape of each column in a LeRobot dataset, and its statistics."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pamiq_ros.core.data import StepBatch

MAX_DIMENSIONS = 5
"""LeRobot's largest number of array dimensions."""

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
LEVELS = 256

Statistics = dict[str, NDArray[Any]]
"""`min`, `max`, `mean`, `std` and the quantiles, each of the feature's shape, and `count` [1]."""

# The columns of every LeRobotDataset, in LeRobot's order.
INDEXES = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
# Our additional columns: `timestamp` is nominal, a multiple of 1 / fps.
RECORDED = {"stamp_ns": "int64", "weights_version": "int64"}


@dataclass(frozen=True)
class Feature:
    """One column of the experience.

    Attributes:
        key: LeRobot's name, such as `observation.images.front`.
        dtype: `video`, or the name of a numpy dtype.
        shape: Shape of one step; (H, W, 3) for a video, (1,) for a number.
        column: Index of the column in the batch.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    column: int

    @property
    def is_video(self) -> bool:
        """Whether it is stored as a video."""
        return self.dtype == "video"

    def values(self, steps: StepBatch) -> NDArray[Any]:
        """Return the values in a batch, [N, *shape]; those of a video as uint8."""
        column = steps.columns[self.column]
        if self.is_video:
            return column.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).contiguous().numpy()
        return _supported(column).numpy().reshape(len(column), *self.shape)

    def info(self) -> dict[str, Any]:
        """Return the entry of `meta/info.json`, without the encoding of a video."""
        names = ["height", "width", "channels"] if self.is_video else None
        return {"dtype": self.dtype, "shape": list(self.shape), "names": names}


def features_of(steps: StepBatch, buffer: str) -> list[Feature]:
    """Return the features of a buffer's steps.

    Images, uint8 [3 or 1, H, W], become videos named `observation.images.<name>`. A step that is
    one vector becomes `observation.state`. Other columns keep their names.

    Args:
        steps: Any batch of the steps.
        buffer: The buffer's name; names the video of a step that is one image.

    Raises:
        ValueError: A column has too many dimensions or no values.
    """
    found: list[Feature] = []
    for index, (name, column) in enumerate(zip(steps.names, steps.columns, strict=True)):
        shape = tuple(column.shape[1:])
        if len(shape) > MAX_DIMENSIONS or 0 in shape:
            what = f"expected 1 to {MAX_DIMENSIONS} dimensions, none of them 0, found {list(shape)}"
            raise ValueError(f"'{buffer}', {name or 'step'}: {what}")
        if column.dtype == torch.uint8 and len(shape) == 3 and shape[0] in (1, 3):
            key = f"observation.images.{_plain(name or buffer)}"
            found.append(Feature(_new(key, found), "video", (*shape[1:], 3), index))
        else:
            key = _plain(name) or "observation.state"
            dtype = str(_supported(column).numpy().dtype)
            found.append(Feature(_new(key, found), dtype, shape or (1,), index))
    return found


def _plain(name: str) -> str:
    """Return a name without brackets and slashes: `action[0].speed` becomes `action.0.speed`."""
    return re.sub(r"[^\w]+", ".", name).strip(".")


def _new(key: str, found: Sequence[Feature]) -> str:
    taken = {*INDEXES, *RECORDED, "task", *(feature.key for feature in found)}
    while key in taken:
        key = f"step.{key}"
    return key


def _supported(column: Tensor) -> Tensor:
    """Convert bfloat16, which numpy lacks, and float16, which few Parquet readers support."""
    return column.float() if column.dtype in (torch.float16, torch.bfloat16) else column


def of_values(values: NDArray[Any]) -> Statistics:
    """Return the statistics of values [N, *shape]."""
    numbers = values.astype(np.float64)
    found = np.quantile(numbers, list(QUANTILES.values()), axis=0)
    return {
        "min": numbers.min(0),
        "max": numbers.max(0),
        "mean": numbers.mean(0),
        "std": numbers.std(0),
        "count": np.array([len(numbers)]),
        **dict(zip(QUANTILES, found, strict=True)),
    }


class ImageStatistics:
    """Exact statistics of images, from a histogram of each channel's 256 levels."""

    def __init__(self) -> None:
        self._counts = np.zeros((3, LEVELS), np.int64)
        self._images = 0

    def add(self, images: NDArray[np.uint8]) -> None:
        """Add images, uint8 [N, H, W, 3]."""
        self._images += len(images)
        for channel, counts in enumerate(self._counts):
            counts += np.bincount(images[..., channel].ravel(), minlength=LEVELS)

    def statistics(self) -> Statistics:
        """Return the statistics of levels from 0 to 1, each of shape [3, 1, 1]."""
        levels = np.arange(LEVELS) / (LEVELS - 1)
        share = self._counts / self._counts.sum(1, keepdims=True)
        mean = share @ levels
        below = share.cumsum(1)
        found = {
            "min": levels[(self._counts > 0).argmax(1)],
            "max": levels[LEVELS - 1 - (self._counts[:, ::-1] > 0).argmax(1)],
            "mean": mean,
            "std": np.sqrt(np.maximum(share @ levels**2 - mean**2, 0.0)),
            **{name: levels[(below >= q).argmax(1)] for name, q in QUANTILES.items()},
        }
        shaped = {name: value.reshape(3, 1, 1) for name, value in found.items()}
        return {**shaped, "count": np.array([self._images])}


def merged(parts: Sequence[Statistics]) -> Statistics:
    """Return the statistics of all episodes; quantiles are averaged, as in LeRobot."""
    counts = np.array([float(part["count"][0]) for part in parts])
    weights = counts / counts.sum()

    def mean(name: str) -> NDArray[Any]:
        return np.tensordot(weights, np.stack([part[name] for part in parts]), axes=1)

    middle = mean("mean")
    spread = [part["std"] ** 2 + (part["mean"] - middle) ** 2 for part in parts]
    return {
        "min": np.stack([part["min"] for part in parts]).min(0),
        "max": np.stack([part["max"] for part in parts]).max(0),
        "mean": middle,
        "std": np.sqrt(np.tensordot(weights, np.stack(spread), axes=1)),
        "count": np.array([int(counts.sum())]),
        **{name: mean(name) for name in QUANTILES},
    }
