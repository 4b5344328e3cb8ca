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

"""Divide experience into episodes: sequences without a gap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from pamiq_ros.transport.experience import ExperienceBatch

GAP_PERIODS = 5.0
"""A longer gap, such as a pause, starts a new episode."""

MAX_EPISODE_S = 1000.0
"""LeRobot needs timestamps to 0.1 ms; float32 is too coarse beyond 1024 s."""


@dataclass(frozen=True)
class Piece:
    """Consecutive steps of one episode.

    Attributes:
        begins: Whether they are the first steps of the episode.
        batch: The steps.
    """

    begins: bool
    batch: ExperienceBatch


def fps_of(batches: Iterable[ExperienceBatch]) -> int:
    """Return steps per second from the median time between steps; at least 1."""
    gaps = [np.diff(batch.stamps.numpy()) for batch in batches]
    every = np.concatenate([*gaps, np.zeros(0, np.int64)])
    every = every[every > 0]
    return max(1, round(1e9 / float(np.median(every)))) if len(every) else 1


def pieces(batches: Iterable[ExperienceBatch], fps: int) -> Iterator[Piece]:
    """Divide experience into episodes.

    A new episode starts at another source or configuration, after a missing step or a gap in time,
    and after `MAX_EPISODE_S`.

    Args:
        batches: The experience, in order.
        fps: Steps per second.
    """
    before: ExperienceBatch | None = None
    length, longest = 0, int(MAX_EPISODE_S * fps)
    for batch in batches:
        stamps = batch.stamps.numpy()
        follows = before is not None and _follows(before, batch, fps)
        cuts = {0} | {int(i) + 1 for i in np.flatnonzero(_broken(np.diff(stamps), fps))}
        begin = 0
        while begin < len(stamps):
            begins = begin in cuts and not (begin == 0 and follows)
            length = 0 if begins or length >= longest else length
            end = min(
                [cut for cut in cuts if cut > begin] + [len(stamps), begin + longest - length]
            )
            yield Piece(length == 0, batch.part(begin, end))
            length += end - begin
            begin = end
        before = batch


def _follows(before: ExperienceBatch, batch: ExperienceBatch, fps: int) -> bool:
    said = (before.source, before.digest, before.first_sequence + len(before.steps))
    if said != (batch.source, batch.digest, batch.first_sequence):
        return False
    gap = np.array([int(batch.stamps[0]) - int(before.stamps[-1])])
    return not bool(_broken(gap, fps)[0])


def _broken(gaps_ns: np.ndarray, fps: int) -> np.ndarray:
    return (gaps_ns < 0) | (gaps_ns > GAP_PERIODS * 1e9 / fps)
