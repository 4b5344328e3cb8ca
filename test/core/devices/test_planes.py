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

"""Pictures as observations: what `to_array` reads, resized, channels first."""

from array import array
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.core.devices.image import ImageError, fill_planes, to_array
from pamiq_ros.pixels import fill_image

FOUND = {
    "rgb8": (np.uint8, (3,)),
    "bgr8": (np.uint8, (3,)),
    "8UC3": (np.uint8, (3,)),
    "rgba8": (np.uint8, (4,)),
    "bgr16": (np.uint16, (3,)),
    "mono8": (np.uint8, ()),
    "16UC1": (np.uint16, ()),
    "32FC1": (np.float32, ()),
    "yuv422": (np.uint8, (2,)),
    "bayer_gbrg8": (np.uint8, ()),
}
PLANES = {
    "rgb8": (3, np.uint8),
    "bgr8": (3, np.uint8),
    "mono8": (1, np.uint8),
    "mono16": (1, np.int32),
    "32FC1": (1, np.float32),
}


def camera(encoding, height, width):
    dtype, channels = FOUND[encoding]
    numbers = np.random.default_rng(height * width).integers(0, 255, (height, width, *channels))
    message = SimpleNamespace()
    fill_image(message, numbers.astype(dtype), encoding)
    return message


def planes_of(message, encoding, height, width):
    channels, dtype = PLANES[encoding]
    planes = np.full((channels, height, width), 77, dtype)
    return planes, fill_planes(message, encoding, planes)


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(list(FOUND)),
    st.sampled_from(list(PLANES)),
    st.tuples(st.integers(3, 9), st.integers(2, 6)),
    st.tuples(st.integers(1, 9), st.integers(1, 12)),
    st.booleans(),
)
def test_planes_are_the_picture_resized(found, wanted, arrives, size, same_size):
    height, width = arrives[0], 2 * arrives[1]
    size = (height, width) if same_size else size
    message = camera(found, height, width)
    try:
        expected = to_array(message, wanted)
    except ImageError:
        with pytest.raises(ImageError):
            planes_of(message, wanted, *size)
        return
    planes, arrived = planes_of(message, wanted, *size)
    assert arrived == (height, width)
    if (height, width) != size:
        depths = wanted in ("mono16", "32FC1")
        smaller = size[0] <= height and size[1] <= width
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        method = cv2.INTER_NEAREST if depths else method
        expected = cv2.resize(expected, size[::-1], interpolation=method)
    expected = expected.reshape(*size, -1).transpose(2, 0, 1)
    np.testing.assert_array_equal(planes, expected.astype(planes.dtype))


def test_a_compressed_picture_in_either_order():
    pixels = np.random.default_rng(1).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    data = array("B", cv2.imencode(".png", pixels)[1].tobytes())
    message = SimpleNamespace(format="png", data=data)
    for encoding, order in (("bgr8", [0, 1, 2]), ("rgb8", [2, 1, 0])):
        planes, _ = planes_of(message, encoding, 6, 8)
        np.testing.assert_array_equal(planes, pixels.transpose(2, 0, 1)[order])


def test_what_cannot_be_modified_is_only_read():
    pixels = np.random.default_rng(1).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    message = SimpleNamespace()
    fill_image(message, pixels, "rgb8")
    message.data = bytes(message.data)
    planes, _ = planes_of(message, "rgb8", 6, 8)
    np.testing.assert_array_equal(planes, pixels.transpose(2, 0, 1))
