"""Capture: pictures from a capture device, a virtual camera or a video file."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt


class CaptureError(RuntimeError):
    """Says what was expected of a source of pictures, and what was found."""


class Capture:
    """One source, read picture by picture.

    Args:
        source: The number of a device, a file, or an address that OpenCV can open.
        loop: Whether a file begins anew at its end.

    Raises:
        CaptureError: It can't be opened, or shows nothing.
    """

    def __init__(self, source: str, loop: bool = False) -> None:
        self.source, self._loop = source, loop
        self._video = cv2.VideoCapture(int(source) if source.isdigit() else source)
        first = self._read()
        if first is None:
            self._video.release()
            raise CaptureError(
                f"capture '{source}': expected a device's number, a file or an address that shows "
                "pictures, found none"
            )
        self._first: npt.NDArray[np.uint8] | None = first

    @property
    def rate(self) -> float:
        """Pictures per second, by what the source says; 0 if it does not."""
        rate = float(self._video.get(cv2.CAP_PROP_FPS))
        return rate if 0.0 < rate < 1000.0 else 0.0

    def read(self) -> npt.NDArray[np.uint8] | None:
        """The next picture, uint8 [height, width, 3], bgr; None at the end.

        Raises:
            CaptureError: A file that is to begin anew can't.
        """
        if self._first is not None:
            first, self._first = self._first, None
            return first
        picture = self._read()
        if picture is None and self._loop:
            self._video.set(cv2.CAP_PROP_POS_FRAMES, 0)
            picture = self._read()
            if picture is None:
                raise CaptureError(f"capture '{self.source}': it can't begin anew")
        return picture

    def close(self) -> None:
        """Let go of the source."""
        self._video.release()

    def _read(self) -> npt.NDArray[np.uint8] | None:
        found: Any
        ok, found = self._video.read()
        return found if ok else None
