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

"""CompressedImage messages as plain pixels: JPEG and PNG, their sizes checked before decoding."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from pamiq_ros.pixels import READABLE, ImageError

MAX_PIXELS = 2**26
"""A picture that says it has more (67 million) is refused before memory is taken for it."""

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_ENCODINGS = {
    ("uint8", 1): "mono8",
    ("uint8", 3): "bgr8",
    ("uint8", 4): "bgra8",
    ("uint16", 1): "mono16",
    ("uint16", 3): "bgr16",
    ("uint16", 4): "bgra16",
}


def decompress(message: Any) -> tuple[npt.NDArray[Any], str]:
    """Decode a CompressedImage message.

    What the data is decides, not what `format` says; but a mosaic that image_transport compressed
    as it was (`bayer_rggb8; png compressed`) is a grey picture by its data, and is taken for the
    mosaic it is.

    Args:
        message: Anything with the fields of sensor_msgs/CompressedImage.

    Returns:
        The picture, [height, width] or [height, width, channels], and its encoding.

    Raises:
        ImageError: Neither JPEG nor PNG, damaged, cut off, or too large.
    """
    place = f"compressed image of format {str(message.format)[:60]!r}"
    try:
        data = bytes(memoryview(message.data))
    except TypeError as error:
        raise ImageError(f"{place}: expected bytes, found {type(message.data).__name__}") from error
    width, height = _announced_size(data, place)
    if not 0 < width * height <= MAX_PIXELS:
        raise ImageError(f"{place}: expected 1 to {MAX_PIXELS} pixels, found {width}x{height}")
    try:
        array = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise ImageError(f"{place}: {str(error).strip()[:200]}") from error
    if array is None:
        raise ImageError(f"{place}: {len(data)} bytes of {width}x{height} could not be decoded")
    channels = 1 if array.ndim == 2 else array.shape[2]
    encoding = _ENCODINGS.get((array.dtype.name, channels))
    if encoding is None:
        raise ImageError(f"{place}: {channels} channels of {array.dtype} are not supported")
    return array, _mosaic(str(message.format), array.dtype.itemsize, channels) or encoding


def _announced_size(data: bytes, place: str) -> tuple[int, int]:
    if data.startswith(_PNG) and len(data) >= 24:
        if b"IEND" not in data[-32:]:
            raise ImageError(f"{place}: PNG data is cut off after {len(data)} bytes")
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if data.startswith(_JPEG):
        return _jpeg_size(data, place)
    raise ImageError(f"{place}: expected JPEG or PNG data, found {len(data)} bytes {data[:8]!r}")


def _jpeg_size(data: bytes, place: str) -> tuple[int, int]:
    """Walk the JPEG's segments to its frame header, which says the size."""
    position = 2
    while position + 9 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            if data.find(b"\xff\xd9", position) < 0:
                raise ImageError(f"{place}: JPEG data is cut off after {len(data)} bytes")
            height = int.from_bytes(data[position + 5 : position + 7], "big")
            return int.from_bytes(data[position + 7 : position + 9], "big"), height
        else:
            position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    raise ImageError(f"{place}: JPEG data of {len(data)} bytes has no frame header")


def _mosaic(announced: str, itemsize: int, channels: int) -> str | None:
    encoding = announced.partition(";")[0].strip()
    is_mosaic = encoding.startswith("bayer_") and encoding in READABLE
    if is_mosaic and channels == 1 and encoding.endswith(str(8 * itemsize)):
        return encoding
    return None
