"""Camera messages to arrays and back, for the encodings ROS cameras use.

Colours are converted by cv_bridge where it can be imported, else by rosbags-image; both are given
pixels without padding and in host byte order, and asked for conversions within one depth only.
Between depths the numbers follow one rule, whichever library is there:

- 16 to 8 bits: divided by 256 (the low byte is dropped), 65535 is 255;
- 8 to 16 bits: times 257, so that 255 is 65535 and the way back gives the same number;
- to 32FC1: the number itself, unscaled (a 16UC1 depth picture in mm stays in mm);
- from 32FC1: to 32FC1 only, as nothing says which distance is white.

8UC3 says nothing of the order of its channels: they are handed over as rgb8 or bgr8 in the order
they come, and cannot become grey.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from pamiq_ros.pixels import ImageError, Pixels, read_pixels

from .compressed import decompress

__all__ = ["WANTED", "ImageError", "convert", "read_image", "to_array"]

WANTED = ("rgb8", "bgr8", "mono8", "mono16", "32FC1")
"""The encodings a picture can be had in."""

_SMALLEST_MOSAIC = 3
_OWN: list[Literal["C", "A", "W", "O"]] = ["C", "A", "W", "O"]


@dataclass(frozen=True)
class _PlainImage:
    """The fields of sensor_msgs/Image that the libraries read."""

    height: int
    width: int
    encoding: str
    step: int
    is_bigendian: int
    data: npt.NDArray[Any]


def to_array(message: Any, encoding: str) -> npt.NDArray[Any]:
    """An Image or CompressedImage message as an array of its own memory.

    Args:
        message: Anything with the fields of sensor_msgs/Image or sensor_msgs/CompressedImage.
        encoding: What the array shall be, one of `WANTED`.

    Returns:
        uint8 [height, width, 3] for rgb8 and bgr8, uint8 [height, width] for mono8, uint16
        [height, width] for mono16, float32 [height, width] for 32FC1.

    Raises:
        ImageError: The message is damaged or of an encoding that does not convert; the text names
            the encoding, what was expected and what was found.
    """
    return np.require(convert(read_image(message), encoding), requirements=_OWN)


def read_image(message: Any) -> Pixels:
    """The pixels of an Image or CompressedImage message, as a view of it where that is possible.

    Raises:
        ImageError: The message is damaged or of an unknown encoding.
    """
    return decompress(message) if hasattr(message, "format") else read_pixels(message)


def convert(pixels: Pixels, encoding: str) -> npt.NDArray[Any]:
    """Pixels in another encoding, as `to_array` gives them; the same memory if nothing changes.

    Raises:
        ImageError: They do not convert.
    """
    if encoding not in WANTED:
        raise ImageError(f"expected one of {', '.join(WANTED)}; asked for {encoding[:40]!r}")
    if pixels.encoding == "32FC1" and encoding != "32FC1":
        raise ImageError(f"32FC1 image: expected to be read as 32FC1, asked for {encoding}")
    if pixels.encoding == "32FC1":
        return pixels.array
    bits = 8 * pixels.array.dtype.itemsize
    colour = encoding[:3] if encoding in ("rgb8", "bgr8") else "mono"
    return _to_depth(_to_colour(pixels, f"{colour}{bits}"), encoding)


def _to_colour(pixels: Pixels, wanted: str) -> npt.NDArray[Any]:
    array, found = pixels.array, pixels.encoding
    if found == wanted or (found == "8UC3" and wanted in ("rgb8", "bgr8")):
        return array
    height, width = array.shape[:2]
    if found == "8UC3":
        raise ImageError(f"8UC3 image: expected to be read as rgb8 or bgr8, asked for {wanted}")
    if found.startswith("yuv422") and width % 2:
        raise ImageError(f"{found} image: expected an even width, found {width}")
    if found.startswith("bayer_") and min(height, width) < _SMALLEST_MOSAIC:
        raise ImageError(f"{found} image: expected at least 3x3 pixels, found {width}x{height}")
    endian = int(sys.byteorder == "big")
    plain = _PlainImage(height, width, found, array.strides[0], endian, array)
    try:
        return np.asarray(_library()(plain, wanted))
    except Exception as error:  # whatever either library raises
        raise ImageError(f"{found} image as {wanted}: {str(error).strip()[:200]}") from error


def _to_depth(array: npt.NDArray[Any], encoding: str) -> npt.NDArray[Any]:
    if encoding == "32FC1":
        array = array.astype(np.float32)
    elif encoding == "mono16" and array.dtype == np.uint8:
        array = array.astype(np.uint16) * 257
    elif encoding != "mono16" and array.dtype == np.uint16:
        array = (array >> 8).astype(np.uint8)
    return array


@lru_cache(maxsize=1)
def _library() -> Callable[[Any, str], Any]:
    try:
        from cv_bridge import CvBridge
    except (ImportError, AttributeError):  # AttributeError: one built for another numpy
        from rosbags.image import message_to_cvimage

        return message_to_cvimage
    bridge = CvBridge()
    return lambda message, encoding: bridge.imgmsg_to_cv2(message, desired_encoding=encoding)
