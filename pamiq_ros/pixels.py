"""Image messages as plain pixels: lengths checked, row padding removed, host byte order."""

from __future__ import annotations

import sys
from array import array as typed_array
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

_SHAPES: dict[str, tuple[str, int]] = {
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

_SAME = {"8UC1": "mono8", "16UC1": "mono16", "uyvy": "yuv422", "yuyv": "yuv422_yuy2"}

READABLE = tuple(_SHAPES)
"""The encodings an Image message may have."""


class ImageError(ValueError):
    """An image that cannot be converted; names the encoding, the expected and the found."""


@dataclass(frozen=True)
class Pixels:
    """A picture and what its numbers mean.

    Attributes:
        array: [height, width] or [height, width, channels], of uint8, uint16 or float32.
        encoding: One of `READABLE` without its synonyms: 8UC1 is mono8, 16UC1 is mono16, uyvy is
            yuv422, and yuyv is yuv422_yuy2.
    """

    array: npt.NDArray[Any]
    encoding: str


def read_pixels(message: Any) -> Pixels:
    """The pixels of an Image message, as a view of its data where no byte has to move.

    Args:
        message: Anything with the fields of sensor_msgs/Image.

    Raises:
        ImageError: Unknown encoding, no pixels, or lengths that do not agree.
    """
    encoding, height, width, step = message.encoding, message.height, message.width, message.step
    if encoding not in _SHAPES:
        known = ", ".join(READABLE)
        raise ImageError(f"image encoding: expected one of {known}; found {str(encoding)[:40]!r}")
    code, channels = _SHAPES[encoding]
    dtype = np.dtype(code)
    if height <= 0 or width <= 0:
        raise ImageError(f"{encoding} image: expected pixels, found {width}x{height}")
    row = width * channels * dtype.itemsize
    if step < row:
        raise ImageError(
            f"{encoding} image of {width}x{height}: expected a step of {row} bytes or more, "
            f"found {step}"
        )
    data = _as_bytes(message.data, encoding)
    if data.size < step * height:
        raise ImageError(
            f"{encoding} image of {width}x{height}, step {step}: expected {step * height} bytes, "
            f"found {data.size}"
        )
    rows = data[: step * height].reshape(height, step)[:, :row]
    array = np.require(np.ascontiguousarray(rows).view(dtype), requirements=["C", "A"])
    if bool(message.is_bigendian) != (sys.byteorder == "big"):
        array = array.byteswap()
    shape = (height, width) if channels == 1 else (height, width, channels)
    return Pixels(array.reshape(shape), _SAME.get(encoding, encoding))


def fill_image(message: Any, array: npt.NDArray[Any], encoding: str) -> None:
    """Set the fields of an Image message, all but its header, from an array.

    Args:
        message: A sensor_msgs/Image.
        array: [height, width] or [height, width, channels] of the encoding's own type.
        encoding: One of `READABLE`.

    Raises:
        ImageError: The array is not a picture of this encoding; says what was expected.
    """
    if encoding not in _SHAPES:
        known = ", ".join(READABLE)
        raise ImageError(f"image encoding: expected one of {known}; found {encoding[:40]!r}")
    code, channels = _SHAPES[encoding]
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


def _as_bytes(data: Any, encoding: str) -> npt.NDArray[np.uint8]:
    try:
        return np.frombuffer(memoryview(data).cast("B"), np.uint8)
    except (TypeError, ValueError) as error:
        raise ImageError(
            f"{encoding} image: expected contiguous bytes, found {type(data).__name__}"
        ) from error


def _message_data(array: npt.NDArray[Any]) -> typed_array[int]:
    # Messages check any other sequence element by element.
    data = typed_array("B")
    data.frombytes(np.ascontiguousarray(array).data.cast("B"))
    return data
