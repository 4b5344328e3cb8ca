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

"""ImageTopic: camera messages as observations, channels first and of the size that is wanted.

Every pass over a large picture costs a tenth of a millisecond or more, so there are as few as can
be: one puts an 8-bit colour picture of the right size in its place, whatever the order of its
channels. One of another size is resized first and reordered when it is small.

Colours are converted by cv_bridge where it can be imported, else by rosbags-image; both are given
pixels without padding and in host byte order, and used for conversions within one depth only.
Between depths the numbers follow one rule, whichever library is there:

- 16 to 8 bits: divided by 256 (the low byte is dropped), 65535 is 255;
- 8 to 16 bits: times 257, so that 255 is 65535 and the way back gives the same number;
- to 32FC1: the number itself, unscaled (a 16UC1 depth picture in mm stays in mm);
- from 32FC1: to 32FC1 only, as nothing says which distance is white.

8UC3 says nothing about the order of its channels: they become rgb8 or bgr8 unchanged, and cannot
become grey.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.pixels import READABLE, SHAPES, ImageError

from .checks import check_size
from .compressed import decompress
from .sensor import TopicSensor, Warn, new_observation

__all__ = ["WANTED", "ImageError", "ImageTopic", "fill_planes", "to_array"]

WANTED = ("rgb8", "bgr8", "mono8", "mono16", "32FC1")
"""The encodings a picture can be had in."""

_LARGEST_SIDE = 16384
_ENCODINGS = {
    "rgb8": (3, torch.uint8),
    "bgr8": (3, torch.uint8),
    "mono8": (1, torch.uint8),
    "mono16": (1, torch.int32),
    "32FC1": (1, torch.float32),
}
_SWAPPED = {"rgb8", "bgr8"}
_DEPTHS = ("mono16", "32FC1")
_SAME = {"8UC1": "mono8", "16UC1": "mono16", "uyvy": "yuv422", "yuyv": "yuv422_yuy2"}
_SMALLEST_MOSAIC = 3
_OWN: list[Literal["C", "A", "W", "O"]] = ["C", "A", "W", "O"]


@dataclass(eq=False)
class ImageTopic(TopicSensor):
    """Pictures: sensor_msgs/Image, or CompressedImage on `<topic>/compressed`.

    An observation is [channels, height, width]: uint8 for rgb8, bgr8 (3 channels) and mono8 (1),
    int32 with the 16-bit number for mono16 (1; also reads 16UC1, so mm of a depth camera), float32
    for 32FC1 (1; m of most depth cameras).

    Attributes:
        topic: Topic name, without `/compressed`.
        height: Rows of an observation; pictures of another size are resized.
        width: Columns of an observation.
        encoding: rgb8, bgr8, mono8, mono16 or 32FC1.
        compressed: Whether to receive `<topic>/compressed` instead.
    """

    message_type: ClassVar[str] = "sensor_msgs/msg/Image"
    topic: str = "camera/image_raw"
    height: int = 96
    width: int = 96
    encoding: str = "rgb8"
    compressed: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "height", self.height, _LARGEST_SIDE)
        check_size(self, "width", self.width, _LARGEST_SIDE)
        if self.encoding not in _ENCODINGS:
            raise ValueError(
                f"ImageTopic: encoding: expected one of {', '.join(_ENCODINGS)}, "
                f"found {self.encoding!r}"
            )
        if not isinstance(self.compressed, bool):
            raise ValueError(f"ImageTopic: compressed: expected a bool, found {self.compressed!r}")

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (_ENCODINGS[self.encoding][0], self.height, self.width)

    @property
    @override
    def dtype(self) -> torch.dtype:
        return _ENCODINGS[self.encoding][1]

    @property
    @override
    def subscription(self) -> tuple[str, str]:
        if self.compressed:
            return f"{self.topic}/compressed", "sensor_msgs/msg/CompressedImage"
        return self.topic, self.message_type

    @override
    def decode(self, message: Any, warn: Warn) -> Tensor:
        tensor = new_observation(self.shape, self.dtype)
        try:
            height, width = fill_planes(message, self.encoding, tensor.numpy())
        except ImageError as error:
            found = message.format if self.compressed else message.encoding
            raise ValueError(
                f"encoding {str(found)[:40]!r} can't be converted to {self.encoding}: {error}"
            ) from error
        if (height, width) != (self.height, self.width):
            warn(
                f"pictures of {width}x{height} arrive, the system expects {self.width}x"
                f"{self.height}: they are resized"
            )
        return tensor


def fill_planes(message: Any, encoding: str, planes: npt.NDArray[Any]) -> tuple[int, int]:
    """Write an Image or CompressedImage message into an array, resized to the array's size.

    Larger pictures are averaged over areas and smaller ones interpolated; mono16 and 32FC1, which
    may be depths, take the nearest pixel: the mean of two depths is a place where nothing is.

    Args:
        message: Anything with the fields of sensor_msgs/Image or sensor_msgs/CompressedImage.
        encoding: What the array shall be, one of `WANTED`.
        planes: [channels, height, width], C contiguous: uint8 with 3 channels for rgb8 and bgr8,
            and with 1 for mono8; uint16 or int32 with 1 for mono16; float32 with 1 for 32FC1.

    Returns:
        Height and width of the picture that arrived.

    Raises:
        ImageError: As `to_array` does; what is in `planes` then has no meaning.
    """
    pixels = read_image(message)
    height, width = pixels.array.shape[:2]
    swapped = {pixels.encoding, encoding} == _SWAPPED
    array = pixels.array if swapped else convert(pixels, encoding)
    if array.shape[:2] != planes.shape[1:]:
        array = _resize(array, planes.shape[1], planes.shape[2], encoding in _DEPTHS)
    if len(planes) == 1:
        np.copyto(planes[0], array)
    else:
        # Half the time of copying a transposed view; the order of its targets costs nothing.
        cv2.split(array, list(planes[::-1] if swapped else planes))
    return height, width


def _resize(array: npt.NDArray[Any], height: int, width: int, are_depths: bool) -> npt.NDArray[Any]:
    if are_depths:
        method = cv2.INTER_NEAREST
    elif height <= array.shape[0] and width <= array.shape[1]:
        method = cv2.INTER_AREA
    else:
        method = cv2.INTER_LINEAR
    resized: npt.NDArray[Any] = cv2.resize(array, (width, height), interpolation=method)
    return resized


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
    return Pixels(*decompress(message)) if hasattr(message, "format") else read_pixels(message)


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


def read_pixels(message: Any) -> Pixels:
    """The pixels of an Image message, as a view of its data where no byte has to move.

    Args:
        message: Anything with the fields of sensor_msgs/Image.

    Raises:
        ImageError: Unknown encoding, no pixels, or lengths that do not agree.
    """
    encoding, height, width, step = message.encoding, message.height, message.width, message.step
    if encoding not in SHAPES:
        known = ", ".join(READABLE)
        raise ImageError(f"image encoding: expected one of {known}; found {str(encoding)[:40]!r}")
    code, channels = SHAPES[encoding]
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


def _as_bytes(data: Any, encoding: str) -> npt.NDArray[np.uint8]:
    try:
        return np.frombuffer(memoryview(data).cast("B"), np.uint8)
    except (TypeError, ValueError) as error:
        raise ImageError(
            f"{encoding} image: expected contiguous bytes, found {type(data).__name__}"
        ) from error
