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

"""Write a LeRobotDataset v3 from batches of experience."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pamiq_ros.transport.experience import ExperienceBatch

from .episodes import fps_of, pieces
from .features import (
    INDEXES,
    RECORDED,
    Feature,
    ImageStatistics,
    Statistics,
    features_of,
    merged,
    of_values,
)
from .files import (
    DATA,
    DATA_FILE_MB,
    EPISODES,
    FILES_PER_CHUNK,
    TASKS,
    VIDEO_FILE_MB,
    VIDEOS,
    Files,
    Table,
    Video,
    table_of,
    video_info,
    write_episodes,
    write_tasks,
)


def write_dataset(
    folder: Path, buffer: str, batches: Callable[[], Iterable[ExperienceBatch]]
) -> tuple[int, int]:
    """Write the steps of one buffer as a dataset.

    Args:
        folder: Folder of the dataset.
        buffer: The buffer's name, also used as the name of the task.
        batches: Returns the steps in order, all of one spec; called several times.

    Returns:
        The number of episodes and of frames.

    Raises:
        ValueError: There are no steps, or LeRobot cannot store them.
        OSError: A file cannot be written.
    """
    first = next(iter(batches()), None)
    if first is None:
        raise ValueError(f"'{buffer}': expected steps, found none")
    writer = DatasetWriter(folder, features_of(first.steps, buffer), fps_of(batches()), buffer)
    for piece in pieces(batches(), writer.fps):
        if piece.begins:
            writer.end_episode()
        writer.add(piece.batch)
    writer.close()
    return writer.episodes, writer.frames


class DatasetWriter:
    """Writes a dataset.

    Args:
        folder: Folder of the dataset.
        features: The features to store.
        fps: Steps per second.
        task: Name of the task.

    Attributes:
        fps: Steps per second.
        frames: Number of frames in finished episodes.
    """

    def __init__(self, folder: Path, features: list[Feature], fps: int, task: str) -> None:
        self.fps, self.frames = fps, 0
        self._folder, self._features, self._task = folder, features, task
        self._rows: list[dict[str, Any]] = []
        self._statistics: list[dict[str, Statistics]] = []
        self._data = Files(f"{folder}/{DATA}", DATA_FILE_MB, Table)
        self._videos = {
            feature.key: self._video(feature) for feature in features if feature.is_video
        }
        self._began_s: dict[str, float] = {}
        self._episode = EpisodeFrames(features)

    @property
    def episodes(self) -> int:
        """Number of finished episodes."""
        return len(self._rows)

    def add(self, batch: ExperienceBatch) -> None:
        """Add steps to the current episode."""
        if not len(self._episode):
            for files in self._files():
                files.begin_episode()
            self._began_s = {key: video.file.seconds for key, video in self._videos.items()}
        for feature in self._features:
            if feature.is_video:
                images = feature.values(batch.steps)
                self._videos[feature.key].file.add(images)
                self._episode.add_images(feature.key, images)
        self._episode.add(batch)

    def end_episode(self) -> None:
        """Finish the current episode, if it has steps."""
        if not len(self._episode):
            return
        columns = self._episode.columns(self.fps, self.episodes, self.frames)
        self._statistics.append(self._episode.statistics(columns))
        self._data.file.add(table_of(columns))
        self._rows.append(self._row())
        self.frames += len(self._episode)
        self._episode = EpisodeFrames(self._features)

    def close(self) -> None:
        """Finish the episode and the dataset."""
        self.end_episode()
        for files in self._files():
            files.file.close()
        write_episodes(self._folder / EPISODES.format(chunk_index=0, file_index=0), self._rows)
        write_tasks(self._folder / TASKS, [self._task])
        statistics = {
            key: _lists(merged([found[key] for found in self._statistics]))
            for key in self._statistics[0]
        }
        about = dataset_info(self._features, self.fps, self.episodes, self.frames)
        for name, content in (("stats", statistics), ("info", about)):
            text = json.dumps(content, indent=2)
            (self._folder / "meta" / f"{name}.json").write_text(text, encoding="utf-8")

    def _files(self) -> list[Files[Any]]:
        return [self._data, *self._videos.values()]

    def _video(self, feature: Feature) -> Files[Video]:
        pattern = f"{self._folder}/{VIDEOS.replace('{video_key}', feature.key)}"
        make = partial(Video, fps=self.fps, shape=feature.shape)
        return Files(pattern, VIDEO_FILE_MB, make)

    def _row(self) -> dict[str, Any]:
        row = {
            "episode_index": self.episodes,
            "tasks": [self._task],
            "length": len(self._episode),
            "dataset_from_index": self.frames,
            "dataset_to_index": self.frames + len(self._episode),
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
            **self._data.place("data"),
        }
        for key, video in self._videos.items():
            row |= video.place(f"videos/{key}")
            row[f"videos/{key}/from_timestamp"] = self._began_s[key]
            row[f"videos/{key}/to_timestamp"] = video.file.seconds
        for key, statistics in self._statistics[-1].items():
            row |= {f"stats/{key}/{name}": value for name, value in _lists(statistics).items()}
        return row


def _lists(statistics: Statistics) -> dict[str, Any]:
    return {name: values.tolist() for name, values in statistics.items()}


class EpisodeFrames:
    """The frames of one episode; of images only the statistics.

    Args:
        features: The features to store.
    """

    def __init__(self, features: Sequence[Feature]) -> None:
        self._length = 0
        self._numbers = [feature for feature in features if not feature.is_video]
        self._values: dict[str, list[NDArray[Any]]] = {
            key: [] for key in (*(feature.key for feature in self._numbers), *RECORDED)
        }
        self._images = {feature.key: ImageStatistics() for feature in features if feature.is_video}

    def __len__(self) -> int:
        return self._length

    def add(self, batch: ExperienceBatch) -> None:
        """Append steps."""
        for feature in self._numbers:
            self._values[feature.key].append(feature.values(batch.steps))
        for key, values in zip(RECORDED, (batch.stamps, batch.weights_versions), strict=True):
            self._values[key].append(values.numpy().reshape(-1, 1))
        self._length += len(batch.steps)

    def add_images(self, key: str, images: NDArray[np.uint8]) -> None:
        """Add images, uint8 [N, H, W, 3], to the statistics."""
        self._images[key].add(images)

    def columns(self, fps: int, episode: int, begin: int) -> dict[str, NDArray[Any]]:
        """Return the columns of the table, [N, *shape].

        Args:
            fps: Frames per second; `timestamp` is nominal, `stamp_ns` the recorded time.
            episode: The episode's number.
            begin: Index of its first frame in the dataset.
        """
        frames = np.arange(self._length)
        values: tuple[Any, ...] = (frames / fps, frames, episode, frames + begin, 0)
        found = {key: np.concatenate(parts) for key, parts in self._values.items()}
        for (key, dtype), value in zip(INDEXES.items(), values, strict=True):
            found[key] = np.broadcast_to(value, self._length).astype(dtype).reshape(-1, 1)
        return found

    def statistics(self, columns: dict[str, NDArray[Any]]) -> dict[str, Statistics]:
        """Return the statistics of each column and of the images."""
        found = {key: of_values(values) for key, values in columns.items()}
        found.update({key: seen.statistics() for key, seen in self._images.items()})
        return found


def dataset_info(
    features: Sequence[Feature], fps: int, episodes: int, frames: int
) -> dict[str, Any]:
    """Return the content of `meta/info.json`."""
    found = {feature.key: feature.info() for feature in features}
    for feature in features:
        if feature.is_video:
            found[feature.key]["info"] = video_info(feature.shape, fps)
    for key, dtype in {**RECORDED, **INDEXES}.items():
        found[key] = {"dtype": dtype, "shape": [1], "names": None}
    return {
        "codebase_version": "v3.0",
        "robot_type": None,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": 1,
        "chunks_size": FILES_PER_CHUNK,
        "data_files_size_in_mb": DATA_FILE_MB,
        "video_files_size_in_mb": VIDEO_FILE_MB,
        "fps": fps,
        "splits": {"train": f"0:{episodes}"},
        "data_path": DATA,
        "video_path": VIDEOS if any(feature.is_video for feature in features) else None,
        "features": found,
    }
