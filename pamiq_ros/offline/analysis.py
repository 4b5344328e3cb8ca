"""What `pamiq-ros analyze` does: channels of bags, how to normalise them, histograms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from pamiq_ros.core.normalization import Channel, Normalizer, save_normalization
from pamiq_ros.offline.bags import Bag, BagError

from .channel_kinds import channel_of
from .channels import Values, channels_of

BINS = 24


@dataclass(frozen=True)
class Finding:
    """One channel.

    Attributes:
        topic: Its topic.
        channel: How it is normalised.
        before: How many values there are in each of BINS bins from the least to the greatest.
        after: The same of what they become; empty for categories.
    """

    topic: str
    channel: Channel
    before: list[int]
    after: list[int]


def analyze(bags: Sequence[Path], file: Path, say: Callable[[str], object]) -> list[Finding]:
    """Learn how to normalise each channel, and write it down.

    Args:
        bags: What was recorded.
        file: Where the specification goes.
        say: Told what a user should know.

    Raises:
        BagError: A bag is damaged, or none has a channel.
        OSError: The file can't be written.
    """
    recorded: dict[str, dict[str, list[Values]]] = {}
    for path in bags:
        with Bag(path) as bag:
            for warning in bag.warnings:
                say(warning)
            for topic, channels in channels_of(bag).items():
                for name, values in channels.items():
                    recorded.setdefault(topic, {}).setdefault(name, []).append(values)
    if not recorded:
        names = ", ".join(map(str, bags))
        raise BagError(f"{names}: expected topics of sensors or velocities, found none")
    findings = [
        _finding(topic, name, np.concatenate(values))
        for topic, channels in recorded.items()
        for name, values in channels.items()
    ]
    topics: dict[str, list[Channel]] = {}
    for finding in findings:
        topics.setdefault(finding.topic, []).append(finding.channel)
    save_normalization(file, topics)
    return findings


def _finding(topic: str, name: str, values: Values) -> Finding:
    try:
        channel = channel_of(name, values)
    except ValueError as error:
        raise BagError(f"topic '{topic}': {error}") from error
    values = values[np.isfinite(values)]
    after: list[int] = []
    if channel.size == 1:
        made = Normalizer([channel])(torch.from_numpy(values)[:, None])[:, 0].numpy()
        after = np.histogram(made, BINS)[0].tolist()
    return Finding(topic, channel, np.histogram(values, BINS)[0].tolist(), after)
