"""ImageTopic: camera messages as observations, channels first and of the size that is wanted.

Every pass over a large picture costs a tenth of a millisecond or more, so there are as few as can
be: one puts an 8-bit colour picture of the right size in its place, whatever the order of its
channels. One of another size is resized first and reordered when it is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.pixels import ImageError

from .checks import check_size
from .image_conversion import convert, read_image
from .topic import TopicSensor, Warn, new_observation

__all__ = ["ImageError", "ImageTopic", "fill_planes"]

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
        encoding: What the array shall be, one of `image_conversion.WANTED`.
        planes: [channels, height, width], C contiguous: uint8 with 3 channels for rgb8 and bgr8,
            and with 1 for mono8; uint16 or int32 with 1 for mono16; float32 with 1 for 32FC1.

    Returns:
        Height and width of the picture that arrived.

    Raises:
        ImageError: As `image_conversion.to_array` does; what is in `planes` then has no meaning.
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
