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

"""Encodings of Image messages, and filling one from an array; works without torch and OpenCV."""

from __future__ import annotations

import sys
from array import array as typed_array
from typing import Any

import numpy as np
import numpy.typing as npt

SHAPES: dict[str, tuple[str, int]] = {
    "mono8": ("u1", 1),
    "rgb8": ("u1", 3),
    "bgr8": ("u1", 3),
    "rgba8": ("u1", 4),
    "bgra8": ("u1", 4),
    "8UC1": ("u1", 1),
    "8UC3": ("u1", 3),
    "yuv422": ("u1", 2),
    "uyvy": ("u1", 2),
    "yuv422_yuy2": ("u1", 2),
    "yuyv": ("u1", 2),
    "mono16": ("u2", 1),
    "16UC1": ("u2", 1),
    "rgb16": ("u2", 3),
    "bgr16": ("u2", 3),
    "rgba16": ("u2", 4),
    "bgra16": ("u2", 4),
    "32FC1": ("f4", 1),
    **{
        f"bayer_{pattern}{bits}": (f"u{bits // 8}", 1)
        for pattern in ("rggb", "bggr", "gbrg", "grbg")
        for bits in (8, 16)
    },
}
"""Numpy type of a number and numbers of a pixel, for the encodings an Image message may have."""

READABLE = tuple(SHAPES)


class ImageError(ValueError):
    """An image that cannot be converted; names the encoding, the expected and the found."""


def fill_image(message: Any, array: npt.NDArray[Any], encoding: str) -> None:
    """Set the fields of an Image message, all but its header, from an array.

    Args:
        message: A sensor_msgs/Image.
        array: [height, width] or [height, width, channels] of the encoding's own type.
        encoding: One of `READABLE`.

    Raises:
        ImageError: The array is not a picture of this encoding; says what was expected.
    """
    if encoding not in SHAPES:
        known = ", ".join(READABLE)
        raise ImageError(f"image encoding: expected one of {known}; found {encoding[:40]!r}")
    code, channels = SHAPES[encoding]
    dtype = np.dtype(code)
    fits = array.shape[2:] == (channels,) or (channels == 1 and array.ndim == 2)
    if not fits or array.dtype != dtype or 0 in array.shape:
        raise ImageError(
            f"{encoding} image: expected {dtype} of [height, width, {channels}], "
            f"found {array.dtype} of {list(array.shape)}"
        )
    message.height, message.width = array.shape[0], array.shape[1]
    message.encoding = encoding
    message.step = array.shape[1] * channels * dtype.itemsize
    message.is_bigendian = int(sys.byteorder == "big")
    message.data = _message_data(array)


def _message_data(array: npt.NDArray[Any]) -> typed_array[int]:
    # Messages check any other sequence element by element.
    data = typed_array("B")
    data.frombytes(np.ascontiguousarray(array).data.cast("B"))
    return data
