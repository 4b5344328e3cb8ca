"""Camera messages straight into an observation: channels first, of the size that is wanted.

Every pass over a large picture costs a tenth of a millisecond or more, so there are as few as can
be: one puts an 8-bit colour picture of the right size in its place, whatever the order of its
channels. One of another size is resized first and reordered when it is small.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .images import convert, read_image
from .pixels import ImageError

__all__ = ["ImageError", "fill_planes"]

_SWAPPED = {"rgb8", "bgr8"}
_DEPTHS = ("mono16", "32FC1")


def fill_planes(message: Any, encoding: str, planes: npt.NDArray[Any]) -> tuple[int, int]:
    """Write an Image or CompressedImage message into an array, resized to the array's size.

    Larger pictures are averaged over areas and smaller ones interpolated; mono16 and 32FC1, which
    may be depths, take the nearest pixel: the mean of two depths is a place where nothing is.

    Args:
        message: Anything with the fields of sensor_msgs/Image or sensor_msgs/CompressedImage.
        encoding: What the array shall be, one of `images.WANTED`.
        planes: [channels, height, width], C contiguous: uint8 with 3 channels for rgb8 and bgr8,
            and with 1 for mono8; uint16 or int32 with 1 for mono16; float32 with 1 for 32FC1.

    Returns:
        Height and width of the picture that arrived.

    Raises:
        ImageError: As `images.to_array` does; what is in `planes` then has no meaning.
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
