"""Video: pictures of one feature in an MP4 file, H.264."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.stream import VideoStream
from numpy.typing import NDArray

CODEC = "libx264"
# A whole picture every second one, as LeRobot has it: training reads at random. At 18 a loss is
# hardly seen (https://trac.ffmpeg.org/wiki/Encode/H.264).
OPTIONS = {"g": "2", "bf": "0", "crf": "18", "preset": "fast"}


class Video:
    """One file.

    Args:
        path: Where it goes; its folder is made.
        fps: Pictures per second.
        shape: Of a picture, (height, width, 3).

    Attributes:
        frames: How many pictures it has.
        nbytes: How many bytes of it were written.
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
        """How long it is."""
        return self.frames / self._fps

    def add(self, pictures: NDArray[np.uint8]) -> None:
        """Append uint8 [N, H, W, 3]."""
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts = self.frames
            self._write(self._stream.encode(frame))
            self.frames += 1

    def close(self) -> None:
        """Write what is left."""
        self._write(self._stream.encode(None))
        self._container.close()

    def _write(self, packets: list[Any]) -> None:
        self.nbytes += sum(packet.size for packet in packets)
        self._container.mux(packets)


def pixel_format(shape: tuple[int, ...]) -> str:
    """Half of the colours' resolution, as players expect it, where both sides are even."""
    return "yuv420p" if shape[0] % 2 == shape[1] % 2 == 0 else "yuv444p"


def info(shape: tuple[int, ...], fps: int) -> dict[str, Any]:
    """What `meta/info.json` says of such a video."""
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
