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

"""Statistics of a feature, per episode and of all, as LeRobot's normalization needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

QUANTILES = {"q01": 0.01, "q10": 0.10, "q50": 0.50, "q90": 0.90, "q99": 0.99}
LEVELS = 256

Statistics = dict[str, NDArray[Any]]
"""`min`, `max`, `mean`, `std` and the quantiles, each of the feature's shape, and `count` [1]."""


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
