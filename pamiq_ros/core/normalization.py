"""Normalisation of channels by a specification that was learned from recordings.

The kinds of channels are much as in Horizon (Gauci et al. 2018, arXiv:1811.00260): each gets the
map that brings it near to zero mean and unit variance.
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
"""Normalised values stay within this, whatever comes that was never recorded."""


@dataclass(frozen=True)
class Channel:
    """How one number is normalised.

    Attributes:
        name: What it is, such as `linear.x`.
        kind: One of KINDS.
        mean: Subtracted first, or from what Box-Cox has made of it.
        deviation: Divided by then; positive.
        exponent: Of the Box-Cox transformation (Box & Cox 1964).
        shift: Added before that, to make values positive.
        values: The two values of a binary channel, those of a categorical one, or the quantiles
            from 0 to 1 at even steps.

    Raises:
        ValueError: They do not agree; says what was expected and what was found.
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
        """How many numbers it becomes: one for each category, else one."""
        return len(self.values) if self.kind == "categorical" else 1


class Normalizer(nn.Module):
    """Normalises the channels of an observation; a part of a model, it travels with the weights.

    Args:
        channels: One for each number of an observation.

    Attributes:
        size: How many numbers come out.
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
        """Normalise.

        Args:
            observation: [..., channels], of any dtype.

        Returns:
            float32 [..., size].

        Raises:
            ValueError: Another number of channels.
        """
        if observation.shape[-1] != len(self.channels):
            raise ValueError(
                f"expected {len(self.channels)} channels, found {observation.shape[-1]}"
            )
        found = [
            _normalised(channel, row, observation[..., index].double())
            for index, (channel, row) in enumerate(zip(self.channels, self.table, strict=True))
        ]
        return torch.cat(found, dim=-1).float()


def _normalised(channel: Channel, row: Tensor, value: Tensor) -> Tensor:
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
        made: Tensor = torch.special.ndtri(_rank(value, values).clamp(1e-4, 1.0 - 1e-4))
    else:
        if channel.kind == "boxcox":
            value = boxcox((value + shift).clamp_min(1e-9), float(exponent))
        made = (value - mean) / deviation
    return made.clamp(-LIMIT, LIMIT)[..., None]


def boxcox(positive: Tensor, exponent: float) -> Tensor:
    """The Box-Cox transformation of positive values (Box & Cox 1964)."""
    if abs(exponent) < 1e-6:
        return positive.log()
    return torch.as_tensor((positive.pow(exponent) - 1.0) / exponent)


def _rank(value: Tensor, quantiles: Tensor) -> Tensor:
    """Where values are between quantiles at even steps, from 0 to 1."""
    last = len(quantiles) - 1
    above = torch.searchsorted(quantiles, value.contiguous(), right=True).clamp(1, last)
    low, high = quantiles[above - 1], quantiles[above]
    share = ((value - low) / (high - low).clamp_min(1e-12)).clamp(0.0, 1.0)
    return torch.as_tensor((above - 1 + share) / last)


def save_normalization(path: Path, topics: Mapping[str, Sequence[Channel]]) -> None:
    """Write a specification as JSON.

    Args:
        path: The file.
        topics: The channels of each topic, by its name.

    Raises:
        OSError: It can't be written.
    """
    content = {
        "format": FORMAT,
        "topics": {name: [asdict(c) for c in channels] for name, channels in topics.items()},
    }
    path.write_text(json.dumps(content, indent=1, allow_nan=False), encoding="utf-8")


def load_normalizer(path: str | Path, topic: str) -> Normalizer:
    """The normaliser of a topic's observations, from a file that `pamiq-ros analyze` wrote.

    Args:
        path: The file.
        topic: The topic's full name, such as `/odom`.

    Raises:
        OSError: There is no such file.
        ValueError: It is no specification, or has no such topic; says what was found.
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
