"""Writing a LeRobotDataset v3 from batches of experience."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from pamiq_ros.transport.experience import ExperienceBatch

from .episodes import fps_of, pieces
from .features import Feature, features_of
from .frames import Frames
from .layout import DATA, DATA_FILE_MB, EPISODES, TASKS, VIDEO_FILE_MB, VIDEOS, Files, info
from .statistics import Statistics, merged
from .tables import Table, table_of, write_episodes, write_tasks
from .video import Video


def write_dataset(
    folder: Path, buffer: str, batches: Callable[[], Iterable[ExperienceBatch]]
) -> tuple[int, int]:
    """Write the steps for one buffer as a dataset.

    Args:
        folder: Where it goes.
        buffer: The buffer's name, which is the task's name too.
        batches: The steps in order, all of one form; asked several times.

    Returns:
        How many episodes and how many frames there are.

    Raises:
        ValueError: There are no steps, or LeRobot has no way to store them.
        OSError: A file can't be written.
    """
    first = next(iter(batches()), None)
    if first is None:
        raise ValueError(f"'{buffer}': expected steps, found none")
    writer = Writer(folder, features_of(first.steps, buffer), fps_of(batches()), buffer)
    for piece in pieces(batches(), writer.fps):
        if piece.begins:
            writer.end_episode()
        writer.add(piece.batch)
    writer.close()
    return writer.episodes, writer.frames


class Writer:
    """A dataset that is being written.

    Args:
        folder: Where it goes.
        features: What is stored.
        fps: Steps per second.
        task: What LeRobot calls the task.

    Attributes:
        fps: Steps per second.
        frames: How many frames there are in the episodes that were ended.
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
        self._episode = Frames(features)

    @property
    def episodes(self) -> int:
        """How many episodes were ended."""
        return len(self._rows)

    def add(self, batch: ExperienceBatch) -> None:
        """Add steps to the episode."""
        if not len(self._episode):
            for files in self._files():
                files.begin_episode()
            self._began_s = {key: video.file.seconds for key, video in self._videos.items()}
        for feature in self._features:
            if feature.is_video:
                pictures = feature.values(batch.steps)
                self._videos[feature.key].file.add(pictures)
                self._episode.add_pictures(feature.key, pictures)
        self._episode.add(batch)

    def end_episode(self) -> None:
        """End the episode, if it has steps."""
        if not len(self._episode):
            return
        columns = self._episode.columns(self.fps, self.episodes, self.frames)
        self._statistics.append(self._episode.statistics(columns))
        self._data.file.add(table_of(columns))
        self._rows.append(self._row())
        self.frames += len(self._episode)
        self._episode = Frames(self._features)

    def close(self) -> None:
        """End the episode and the dataset."""
        self.end_episode()
        for files in self._files():
            files.file.close()
        write_episodes(self._folder / EPISODES.format(chunk_index=0, file_index=0), self._rows)
        write_tasks(self._folder / TASKS, [self._task])
        statistics = {
            key: _lists(merged([found[key] for found in self._statistics]))
            for key in self._statistics[0]
        }
        about = info(self._features, self.fps, self.episodes, self.frames)
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
