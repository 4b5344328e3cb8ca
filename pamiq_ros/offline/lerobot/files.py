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

"""The files of a dataset: Parquet tables, MP4 videos, and how they are numbered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from av.video.stream import VideoStream
from numpy.typing import NDArray

# LeRobot's own values, from its datasets/utils.py.
FILES_PER_CHUNK, DATA_FILE_MB, VIDEO_FILE_MB = 1000, 100, 200
PLACE = "chunk-{chunk_index:03d}/file-{file_index:03d}"
DATA, VIDEOS = f"data/{PLACE}.parquet", f"videos/{{video_key}}/{PLACE}.mp4"
EPISODES, TASKS = f"meta/episodes/{PLACE}.parquet", "meta/tasks.parquet"

CODEC = "libx264"
# A key frame every second frame, as in LeRobot: training reads at random. Quality 18 is visually
# lossless (https://trac.ffmpeg.org/wiki/Encode/H.264).
OPTIONS = {"g": "2", "bf": "0", "crf": "18", "preset": "fast"}


class GrowingFile(Protocol):
    """A file to which data is appended."""

    @property
    def nbytes(self) -> int:
        """Bytes written so far."""

    def close(self) -> None:
        """Finish the file."""


FileT = TypeVar("FileT", bound=GrowingFile)


class Files(Generic[FileT]):
    """Numbered files; the last one is being written.

    Args:
        pattern: Path of the files, with `{chunk_index}` and `{file_index}`.
        max_mb: Size in MB from which the next episode starts a new file.
        make: Creates a file.
    """

    def __init__(self, pattern: str, max_mb: int, make: Callable[[Path], FileT]) -> None:
        self._pattern, self._max, self._make = pattern, max_mb * 2**20, make
        self._count = 0
        self.file = self._next()

    def begin_episode(self) -> None:
        """Start the next file if this one is large."""
        if self.file.nbytes >= self._max:
            self.file.close()
            self.file = self._next()

    def place(self, name: str) -> dict[str, int]:
        """Return chunk and file index of the current file, as an episode's row has them."""
        return {f"{name}/{key}": value for key, value in self._place(self._count - 1).items()}

    def _next(self) -> FileT:
        self._count += 1
        return self._make(Path(self._pattern.format(**self._place(self._count - 1))))

    @staticmethod
    def _place(index: int) -> dict[str, int]:
        chunk, file = divmod(index, FILES_PER_CHUNK)
        return {"chunk_index": chunk, "file_index": file}


class Table:
    """A Parquet file to which rows are appended.

    Args:
        path: The file; its folder is created.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._writer: pq.ParquetWriter | None = None

    @property
    def nbytes(self) -> int:
        """Bytes written so far."""
        return self._path.stat().st_size if self._writer is not None else 0

    def add(self, table: pa.Table) -> None:
        """Append rows."""
        if self._writer is None:
            self._writer = pq.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)

    def close(self) -> None:
        """Finish the file."""
        if self._writer is not None:
            self._writer.close()


def table_of(columns: Mapping[str, NDArray[Any]]) -> pa.Table:
    """Return a table of columns [N, *shape]; a column of shape (1,) holds plain numbers."""
    return pa.table({name: _array(values) for name, values in columns.items()})


def _array(values: NDArray[Any]) -> pa.Array:
    count, shape = len(values), values.shape[1:]
    array = pa.array(np.ascontiguousarray(values).reshape(-1))
    if shape == (1,):
        return array
    for inner, size in zip(range(len(shape) - 1, -1, -1), shape[::-1], strict=True):
        rows = count * int(np.prod(shape[:inner], dtype=np.int64))
        if len(shape) == 1:
            return pa.FixedSizeListArray.from_arrays(array, size)
        array = pa.ListArray.from_arrays(np.arange(rows + 1, dtype=np.int32) * size, array)
    return array


def write_episodes(path: Path, episodes: list[dict[str, Any]]) -> None:
    """Write one row for each episode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(episodes), path)


def write_tasks(path: Path, tasks: list[str]) -> None:
    """Write the tasks, with the index that LeRobot expects: it reads the file with pandas."""
    columns = [
        {
            "name": name,
            "field_name": name,
            "pandas_type": kind,
            "numpy_type": dtype,
            "metadata": None,
        }
        for name, kind, dtype in (("task_index", "int64", "int64"), ("task", "unicode", "object"))
    ]
    index = {"index_columns": ["task"], "column_indexes": [], "columns": columns}
    table = pa.table({"task_index": pa.array(range(len(tasks)), pa.int64()), "task": tasks})
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({"pandas": json.dumps(index)}), path)


class Video:
    """An MP4 file of the images of one feature, H.264.

    Args:
        path: The file; its folder is created.
        fps: Frames per second.
        shape: Shape of an image, (height, width, 3).

    Attributes:
        frames: Number of frames.
        nbytes: Bytes written so far.
    """

    def __init__(self, path: Path, fps: int, shape: tuple[int, ...]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fps = fps
        self.frames, self.nbytes = 0, 0
        self._container = av.open(str(path), "w")
        stream = self._container.add_stream(CODEC, rate=fps, options=OPTIONS)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = shape[:2]
        stream.pix_fmt = pixel_format(shape)
        self._stream = stream

    @property
    def seconds(self) -> float:
        """Its length in s."""
        return self.frames / self._fps

    def add(self, images: NDArray[np.uint8]) -> None:
        """Append uint8 [N, H, W, 3]."""
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts = self.frames
            self._write(self._stream.encode(frame))
            self.frames += 1

    def close(self) -> None:
        """Encode the remaining frames and finish the file."""
        self._write(self._stream.encode(None))
        self._container.close()

    def _write(self, packets: list[Any]) -> None:
        self.nbytes += sum(packet.size for packet in packets)
        self._container.mux(packets)


def pixel_format(shape: tuple[int, ...]) -> str:
    """Return yuv420p, which all players support, if both sides are even, else yuv444p."""
    return "yuv420p" if shape[0] % 2 == shape[1] % 2 == 0 else "yuv444p"


def video_info(shape: tuple[int, ...], fps: int) -> dict[str, Any]:
    """Return the encoding of a video for `meta/info.json`."""
    return {
        "video.height": shape[0],
        "video.width": shape[1],
        "video.codec": "h264",
        "video.pix_fmt": pixel_format(shape),
        "video.is_depth_map": False,
        "video.fps": fps,
        "video.channels": 3,
        "has_audio": False,
    }
