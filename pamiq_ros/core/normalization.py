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

"""Normalisation of observations by a specification learned from recordings.

Each channel has a kind, much as in Horizon (Gauci et al. 2018, arXiv:1811.00260). The kind says
which transformation brings the channel near to zero mean and unit variance.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

FORMAT = "pamiq_ros/normalization/1"
KINDS = ("constant", "binary", "categorical", "normal", "bounded", "boxcox", "quantile")
LIMIT = 5.0
"""Normalised values are clamped to [-LIMIT, LIMIT], for values outside the recorded range."""


@dataclass(frozen=True)
class Channel:
    """How one number is normalised.

    Attributes:
        name: Name of the number, such as `linear.x`.
        kind: One of KINDS.
        mean: Subtracted from the value, after the Box-Cox transformation if there is one.
        deviation: Standard deviation; divides the difference. Positive.
        exponent: Exponent of the Box-Cox transformation (Box & Cox 1964).
        shift: Added before the Box-Cox transformation to make values positive.
        values: The values of a binary or categorical channel, or evenly spaced quantiles from 0 to
            1. Ascending.

    Raises:
        ValueError: Unknown kind, or numbers that do not fit the kind.
    """

    name: str
    kind: str
    mean: float = 0.0
    deviation: float = 1.0
    exponent: float = 1.0
    shift: float = 0.0
    values: tuple[float, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(
                f"{self.name}: expected a kind of {', '.join(KINDS)}, found {self.kind!r}"
            )
        numbers = (self.mean, self.deviation, self.exponent, self.shift, *self.values)
        if not all(math.isfinite(number) for number in numbers) or self.deviation <= 0.0:
            raise ValueError(f"{self.name}: expected finite numbers and a positive deviation")
        fewest = {"binary": 2, "categorical": 2, "quantile": 2}.get(self.kind, 0)
        if len(self.values) < fewest or list(self.values) != sorted(self.values):
            raise ValueError(f"{self.name}: expected {fewest} ascending values or more")

    @property
    def size(self) -> int:
        """Number of normalised numbers: one per category, or one."""
        return len(self.values) if self.kind == "categorical" else 1


class Normalizer(nn.Module):
    """Normalises the channels of an observation.

    As a part of a model, it travels with the weights.

    Args:
        channels: One for each number of an observation.

    Attributes:
        size: Number of normalised numbers.
    """

    table: Tensor

    def __init__(self, channels: Sequence[Channel]) -> None:
        super().__init__()
        self.channels = tuple(channels)
        self.size = sum(channel.size for channel in self.channels)
        rows = [[c.mean, c.deviation, c.exponent, c.shift, *c.values] for c in self.channels]
        longest = max(map(len, rows))
        padded = [row + [0.0] * (longest - len(row)) for row in rows]
        self.register_buffer("table", torch.tensor(padded, dtype=torch.float64))

    def forward(self, observation: Tensor) -> Tensor:
        """Normalise observations.

        Args:
            observation: [..., channels], of any dtype.

        Returns:
            float32 [..., size].

        Raises:
            ValueError: The observation has another number of channels.
        """
        if observation.shape[-1] != len(self.channels):
            raise ValueError(
                f"expected {len(self.channels)} channels, found {observation.shape[-1]}"
            )
        normalised = [
            _normalise(channel, row, observation[..., index].double())
            for index, (channel, row) in enumerate(zip(self.channels, self.table, strict=True))
        ]
        return torch.cat(normalised, dim=-1).float()


def _normalise(channel: Channel, row: Tensor, value: Tensor) -> Tensor:
    mean, deviation, exponent, shift = row[:4]
    values = row[4 : 4 + len(channel.values)]
    if channel.kind == "constant":
        return torch.zeros_like(value)[..., None]
    if channel.kind == "binary":
        return torch.where(value > values.mean(), 1.0, -1.0).double()[..., None]
    if channel.kind == "categorical":
        nearest = (value[..., None] - values).abs().argmin(-1)
        return nn.functional.one_hot(nearest, len(values)).double()
    if channel.kind == "quantile":
        scaled: Tensor = torch.special.ndtri(_rank(value, values).clamp(1e-4, 1.0 - 1e-4))
    else:
        if channel.kind == "boxcox":
            value = boxcox((value + shift).clamp_min(1e-9), float(exponent))
        scaled = (value - mean) / deviation
    return scaled.clamp(-LIMIT, LIMIT)[..., None]


def boxcox(positive: Tensor, exponent: float) -> Tensor:
    """Return the Box-Cox transformation of positive values (Box & Cox 1964)."""
    if abs(exponent) < 1e-6:
        return positive.log()
    return torch.as_tensor((positive.pow(exponent) - 1.0) / exponent)


def _rank(value: Tensor, quantiles: Tensor) -> Tensor:
    """Return the rank of each value between evenly spaced quantiles, from 0 to 1."""
    last = len(quantiles) - 1
    above = torch.searchsorted(quantiles, value.contiguous(), right=True).clamp(1, last)
    low, high = quantiles[above - 1], quantiles[above]
    share = ((value - low) / (high - low).clamp_min(1e-12)).clamp(0.0, 1.0)
    return torch.as_tensor((above - 1 + share) / last)


def save_normalization(path: Path, topics: Mapping[str, Sequence[Channel]]) -> None:
    """Write a specification as JSON.

    Args:
        path: The file to write.
        topics: The channels of each topic by topic name.

    Raises:
        OSError: The file can't be written.
    """
    content = {
        "format": FORMAT,
        "topics": {name: [asdict(c) for c in channels] for name, channels in topics.items()},
    }
    path.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def load_normalizer(path: str | Path, topic: str) -> Normalizer:
    """Load the normaliser of a topic's observations from a file written by `pamiq-ros analyze`.

    Args:
        path: The file.
        topic: The topic's full name, such as `/odom`.

    Raises:
        OSError: The file can't be read.
        ValueError: The file is not a specification, or does not have the topic.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise ValueError(f"expected the format {FORMAT}, found {content['format']!r}")
        topics = content["topics"]
        if topic not in topics:
            raise ValueError(f"expected the topic {topic}, found {', '.join(sorted(topics))}")
        return Normalizer(
            [Channel(**{**each, "values": tuple(each["values"])}) for each in topics[topic]]
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
