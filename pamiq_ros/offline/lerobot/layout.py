"""The layout: which files there are, and what `meta/info.json` says of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from .features import INDEXES, RECORDED, Feature
from .video import info as video_info

# LeRobot's own values, by its datasets/utils.py.
FILES_PER_CHUNK, DATA_FILE_MB, VIDEO_FILE_MB = 1000, 100, 200
PLACE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA, VIDEOS = f"data/{PLACE}.parquet", f"videos/{{video_key}}/{PLACE}.mp4"
EPISODES, TASKS = f"meta/episodes/{PLACE}.parquet", "meta/tasks.parquet"


class Grows(Protocol):
    """A file that is appended to."""

    @property
    def nbytes(self) -> int:
        """How much of it has been written."""

    def close(self) -> None:
        """End it."""


FileT = TypeVar("FileT", bound=Grows)


class Files(Generic[FileT]):
    """Numbered files, of which the last one is being written.

    Args:
        pattern: Where they go, with `chunk_index` and `file_index`.
        max_mb: From this size on the next episode goes to the next file.
        make: Makes a file.
    """

    def __init__(self, pattern: str, max_mb: int, make: Callable[[Path], FileT]) -> None:
        self._pattern, self._max, self._make = pattern, max_mb * 2**20, make
        self._count = 0
        self.file = self._next()

    def begin_episode(self) -> None:
        """Go on to the next file if this one is large."""
        if self.file.nbytes >= self._max:
            self.file.close()
            self.file = self._next()

    def place(self, name: str) -> dict[str, int]:
        """Where an episode's `name` is, as its row says it."""
        return {f"{name}/{key}": value for key, value in self._place(self._count - 1).items()}

    def _next(self) -> FileT:
        self._count += 1
        return self._make(Path(self._pattern.format(**self._place(self._count - 1))))

    @staticmethod
    def _place(index: int) -> dict[str, int]:
        chunk, file = divmod(index, FILES_PER_CHUNK)
        return {"chunk_index": chunk, "file_index": file}


def info(features: Sequence[Feature], fps: int, episodes: int, frames: int) -> dict[str, Any]:
    """What `meta/info.json` says."""
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
