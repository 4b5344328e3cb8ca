"""Frames: the steps of the episode that is being written, and what they amount to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pamiq_ros.transport.experience import ExperienceBatch

from .features import INDEXES, RECORDED, Feature
from .statistics import PictureStatistics, Statistics, of_values


class Frames:
    """The frames of one episode, without its pictures.

    Args:
        features: What is stored.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._length = 0
        self._numbers = [feature for feature in features if not feature.is_video]
        self._values: dict[str, list[NDArray[Any]]] = {
            key: [] for key in (*(feature.key for feature in self._numbers), *RECORDED)
        }
        self._pictures = {
            feature.key: PictureStatistics() for feature in features if feature.is_video
        }

    def __len__(self) -> int:
        return self._length

    def add(self, batch: ExperienceBatch) -> None:
        """Append steps."""
        for feature in self._numbers:
            self._values[feature.key].append(feature.values(batch.steps))
        for key, values in zip(RECORDED, (batch.stamps, batch.weights_versions), strict=True):
            self._values[key].append(values.numpy().reshape(-1, 1))
        self._length += len(batch.steps)

    def add_pictures(self, key: str, pictures: NDArray[np.uint8]) -> None:
        """Take note of uint8 [N, H, W, 3]."""
        self._pictures[key].add(pictures)

    def columns(self, fps: int, episode: int, begin: int) -> dict[str, NDArray[Any]]:
        """Each column of the table, [N, *shape].

        Args:
            fps: Frames per second; times are nominal, and `stamp_ns` has those recorded.
            episode: The episode's number.
            begin: Number of its first frame in the dataset.
        """
        frames = np.arange(self._length)
        values: tuple[Any, ...] = (frames / fps, frames, episode, frames + begin, 0)
        found = {key: np.concatenate(parts) for key, parts in self._values.items()}
        for (key, dtype), value in zip(INDEXES.items(), values, strict=True):
            found[key] = np.broadcast_to(value, self._length).astype(dtype).reshape(-1, 1)
        return found

    def statistics(self, columns: dict[str, NDArray[Any]]) -> dict[str, Statistics]:
        """The statistics of each column, and of the pictures."""
        found = {key: of_values(values) for key, values in columns.items()}
        found.update({key: seen.statistics() for key, seen in self._pictures.items()})
        return found
