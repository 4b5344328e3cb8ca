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

"""Camera pictures of known colours, in every encoding, come out in their colours."""

import sys
from array import array
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pamiq_ros.core.devices.image import WANTED, ImageError, to_array
from pamiq_ros.pixels import fill_image

HEIGHT, WIDTH = 48, 64
COLOURS = [*(f"bayer_{p}{b}" for p in ("rggb", "bggr", "gbrg", "grbg") for b in (8, 16))]
COLOURS += ["rgb8", "bgr8", "rgba8", "bgra8", "rgb16", "bgr16", "rgba16", "bgra16"]
COLOURS += ["yuv422", "uyvy", "yuv422_yuy2", "yuyv"]
GREYS = ["mono8", "8UC1", "mono16", "16UC1"]


def pattern():
    """A smooth picture in which red, green and blue differ everywhere."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    red = 30 + 190 * x / WIDTH
    green = 220 - 150 * y / HEIGHT
    blue = 40 + 60 * (x + y) / (WIDTH + HEIGHT)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def luma(rgb):
    return rgb @ np.array([0.299, 0.587, 0.114])


def uyvy(rgb, order):
    """BT.601 in studio range, as UVC cameras send it."""
    r, g, b = np.moveaxis(rgb.astype(np.float64), -1, 0)
    y = 16 + 0.257 * r + 0.504 * g + 0.098 * b
    u = 128 - 0.148 * r - 0.291 * g + 0.439 * b
    v = 128 + 0.439 * r - 0.368 * g - 0.071 * b
    u, v = ((c[:, 0::2] + c[:, 1::2]) / 2 for c in (u, v))
    parts = {"u": u, "v": v, "y": y[:, 0::2], "Y": y[:, 1::2]}
    out = np.empty((*rgb.shape[:2], 2))
    flat = out.reshape(rgb.shape[0], -1)
    for place, name in enumerate(order):
        flat[:, place::4] = parts[name]
    return out.round().astype(np.uint8)


def mosaic(rgb, letters):
    out = np.empty(rgb.shape[:2], rgb.dtype)
    for place, letter in enumerate(letters):
        dy, dx = divmod(place, 2)
        out[dy::2, dx::2] = rgb[dy::2, dx::2, "rgb".index(letter)]
    return out


def as_camera(rgb, encoding):
    """The picture as a camera of this encoding sends it, written without the code under test."""
    if encoding.endswith("16"):
        rgb = rgb.astype(np.uint16) * 256 + 77
    if encoding.startswith("bayer_"):
        return mosaic(rgb, encoding[6:10])
    if encoding in ("yuv422", "uyvy"):
        return uyvy(rgb, "uyvY")
    if encoding in ("yuv422_yuy2", "yuyv"):
        return uyvy(rgb, "yuYv")
    letters = encoding.rstrip("0123456789")
    alpha = np.full(rgb.shape[:2], 9, rgb.dtype)
    return np.stack([alpha if c == "a" else rgb[..., "rgb".index(c)] for c in letters], axis=-1)


def message(pixels, encoding, padding=0, bigendian=False):
    pixels = np.ascontiguousarray(pixels)
    height, width = pixels.shape[:2]
    if bigendian:
        pixels = pixels.astype(pixels.dtype.newbyteorder(">"))
    rows = np.frombuffer(pixels.tobytes(), np.uint8).reshape(height, -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=255)
    return SimpleNamespace(
        height=height,
        width=width,
        encoding=encoding,
        step=rows.shape[1],
        is_bigendian=int(bigendian),
        data=array("B", rows.tobytes()),
    )


def close(found, expected, tolerance):
    # Two pixels at the edge are left out: demosaicing and halved colour guess there.
    difference = np.abs(found.astype(np.float64) - expected)[2:-2, 2:-2]
    assert difference.max() <= tolerance, f"off by {difference.max()}"


@pytest.mark.parametrize("padding", [0, 6])
@pytest.mark.parametrize("encoding", COLOURS)
def test_colours_arrive_as_they_were(encoding, padding):
    rgb = pattern()
    sent = message(as_camera(rgb, encoding), encoding, padding)
    close(to_array(sent, "rgb8"), rgb, 4)
    close(to_array(sent, "bgr8"), rgb[..., ::-1], 4)
    # cv2 takes a YUV picture's luma as it is, in studio range 16..235.
    grey = luma(rgb) * 219 / 255 + 16 if encoding[:3] in ("yuv", "uyv", "yuy") else luma(rgb)
    close(to_array(sent, "mono8"), grey, 4)
    close(to_array(sent, "mono16") / 257, grey, 4)
    as_float = to_array(sent, "32FC1")
    close(as_float / (257 if encoding.endswith("16") else 1), grey, 4)


@pytest.mark.parametrize("encoding", [*COLOURS, *GREYS, "8UC3", "32FC1"])
def test_arrays_have_their_type_and_their_own_memory(encoding):
    shape = {"8UC3": (4, 6, 3), "32FC1": (4, 6)}.get(encoding)
    if shape is None:
        rgb = pattern()[:4, :6]
        pixels = luma(rgb) if encoding in GREYS else as_camera(rgb, encoding)
        pixels = pixels.astype(np.uint16 if "16" in encoding else np.uint8)
    else:
        pixels = np.ones(shape, np.float32 if encoding == "32FC1" else np.uint8)
    sent = message(pixels, encoding)
    refused = {"8UC3": ("mono8", "mono16", "32FC1"), "32FC1": WANTED[:4]}.get(encoding, ())
    kinds = {"mono16": np.uint16, "32FC1": np.float32}
    for wanted in WANTED:
        if wanted in refused:
            with pytest.raises(ImageError, match=encoding):
                to_array(sent, wanted)
            continue
        got = to_array(sent, wanted)
        assert got.dtype == kinds.get(wanted, np.uint8)
        assert got.shape == ((4, 6, 3) if wanted in ("rgb8", "bgr8") else (4, 6))
        assert got.flags.writeable and got.flags.c_contiguous and got.flags.owndata


@pytest.mark.parametrize("encoding", ["mono16", "16UC1"])
@pytest.mark.parametrize("bigendian", [False, True])
@pytest.mark.parametrize("padding", [0, 10])
def test_sixteen_bits_keep_their_numbers(encoding, bigendian, padding):
    numbers = np.arange(0, 65536, 273, dtype=np.uint16)[:240].reshape(12, 20)
    sent = message(numbers, encoding, padding, bigendian)
    assert (to_array(sent, "mono16") == numbers).all()
    assert (to_array(sent, "32FC1") == numbers).all()
    assert (to_array(sent, "mono8") == numbers // 256).all()
    assert (to_array(sent, "rgb8") == (numbers // 256)[..., None]).all()


def test_eight_bits_survive_a_way_through_sixteen():
    numbers = np.arange(256, dtype=np.uint8).reshape(16, 16)
    wide = to_array(message(numbers, "mono8"), "mono16")
    assert wide.max() == 65535
    assert (to_array(message(wide, "mono16"), "mono8") == numbers).all()


@pytest.mark.parametrize("bigendian", [False, True])
def test_depth_in_metres_keeps_its_numbers(bigendian):
    depth = np.linspace(0, 9, 60, dtype=np.float32).reshape(6, 10)
    depth[0, 0] = np.nan
    got = to_array(message(depth, "32FC1", 8, bigendian), "32FC1")
    assert np.array_equal(got, depth, equal_nan=True)


def test_three_nameless_channels_keep_their_order():
    rgb = pattern()
    assert (to_array(message(rgb, "8UC3"), "rgb8") == rgb).all()
    assert (to_array(message(rgb, "8UC3"), "bgr8") == rgb).all()


def compressed(pixels, suffix, announced=""):
    data = cv2.imencode(suffix, pixels)[1].tobytes()
    return SimpleNamespace(format=announced or suffix[1:], data=array("B", data))


@pytest.mark.parametrize(("suffix", "tolerance"), [(".png", 1), (".jpg", 6)])
def test_compressed_colours_arrive_as_they_were(suffix, tolerance):
    rgb = pattern()
    sent = compressed(rgb[..., ::-1], suffix, f"rgb8; {suffix[1:]} compressed bgr8")
    close(to_array(sent, "rgb8"), rgb, tolerance)
    close(to_array(sent, "bgr8"), rgb[..., ::-1], tolerance)
    close(to_array(sent, "mono8"), luma(rgb), tolerance)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_compressed_grey_becomes_colour(suffix):
    grey = luma(pattern()).astype(np.uint8)
    sent = compressed(grey, suffix)
    close(to_array(sent, "mono8"), grey, 2)
    close(to_array(sent, "rgb8"), np.repeat(grey[..., None], 3, axis=2), 2)


def test_sixteen_bit_png_is_not_cut_to_eight():
    numbers = np.arange(0, 65536, 273, dtype=np.uint16)[:240].reshape(12, 20)
    sent = compressed(numbers, ".png", "16UC1; png compressed ")
    assert (to_array(sent, "mono16") == numbers).all()
    assert (to_array(sent, "mono8") == numbers // 256).all()


def test_compressed_alpha_is_left_out():
    rgba = np.dstack([pattern(), np.full((HEIGHT, WIDTH), 7, np.uint8)])
    sent = compressed(rgba[..., [2, 1, 0, 3]], ".png")
    assert (to_array(sent, "rgb8") == pattern()).all()


def test_compressed_mosaic_gets_its_colours():
    rgb = pattern()
    sent = compressed(mosaic(rgb, "grbg"), ".png", "bayer_grbg8; png compressed ")
    close(to_array(sent, "rgb8"), rgb, 4)


def broken(**changes):
    sent = message(pattern(), "rgb8")
    for name, value in changes.items():
        setattr(sent, name, value)
    return sent


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (broken(encoding="rgb9"), ["rgb9", "bayer_rggb8", "expected"]),
        (broken(encoding=""), ["expected one of"]),
        (broken(height=0), ["rgb8", "64x0"]),
        (broken(width=0), ["rgb8", "0x48"]),
        (broken(height=HEIGHT + 1), ["rgb8", str(64 * 3 * 49), str(64 * 3 * 48)]),
        (broken(height=2**32 - 1, width=2**32 - 1), ["rgb8", "step"]),
        (broken(height=2**32 - 1), ["rgb8", "expected"]),
        (broken(step=64 * 3 - 1), ["rgb8", "192", "191"]),
        (broken(step=0), ["rgb8", "192", "found 0"]),
        (broken(data=array("B")), ["rgb8", "found 0"]),
        (broken(data=[1, 2, 3]), ["rgb8", "list"]),
        (broken(encoding="mono16", step=10), ["mono16", "128", "found 10"]),
        (message(np.zeros((4, 3, 2), np.uint8), "yuv422"), ["yuv422", "even", "3"]),
        (message(np.zeros((2, 2), np.uint8), "bayer_rggb8"), ["bayer_rggb8", "3x3", "2x2"]),
        (SimpleNamespace(format="jpeg", data=array("B")), ["jpeg", "0 bytes"]),
        (SimpleNamespace(format="tiff", data=b"II*\0aaaaaaaaaa"), ["tiff", "expected JPEG or PNG"]),
        (SimpleNamespace(format="jpeg", data=b"\xff\xd8\xff"), ["jpeg", "frame header"]),
        (SimpleNamespace(format="jpeg", data="text"), ["jpeg", "str"]),
    ],
)
def test_damaged_pictures_say_what_is_wrong(sent, words):
    with pytest.raises(ImageError) as caught:
        to_array(sent, "rgb8")
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_an_array_in_another_encoding_is_asked_for_by_name():
    with pytest.raises(ImageError, match="rgb8, bgr8, mono8, mono16, 32FC1; asked for 'hsv8'"):
        to_array(message(pattern(), "rgb8"), "hsv8")


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("part", [0.1, 0.5, 0.95])
def test_cut_off_compressed_pictures_are_refused(suffix, part):
    sent = compressed(pattern(), suffix)
    sent.data = sent.data[: int(len(sent.data) * part)]
    with pytest.raises(ImageError, match=suffix[1:]):
        to_array(sent, "rgb8")


def test_a_png_that_claims_to_be_huge_takes_no_memory():
    sent = compressed(pattern(), ".png")
    sent.data[16:24] = array("B", (60000).to_bytes(4, "big") * 2)
    with pytest.raises(ImageError, match="60000x60000"):
        to_array(sent, "rgb8")


def test_a_jpeg_that_claims_to_be_huge_takes_no_memory():
    sent = compressed(pattern(), ".jpg")
    frame = sent.data.tobytes().index(b"\xff\xc0")
    sent.data[frame + 5 : frame + 9] = array("B", b"\xff\xff\xff\xff")
    with pytest.raises(ImageError, match="65535x65535"):
        to_array(sent, "rgb8")


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([".png", ".jpg"]),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=6),
    st.integers(0, 10**6),
)
def test_damaged_compressed_data_raises_nothing_else(suffix, changes, keep):
    data = bytearray(cv2.imencode(suffix, pattern()[:9, :12])[1].tobytes())
    for place, value in changes:
        data[place % len(data)] = value
    if keep % 3 == 0:
        del data[keep % len(data) :]
    try:
        got = to_array(SimpleNamespace(format=suffix[1:], data=bytes(data)), "rgb8")
    except ImageError:
        return
    assert got.dtype == np.uint8 and got.shape[2] == 3


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from([*COLOURS, *GREYS, "8UC3", "32FC1", "nonsense"]),
    st.sampled_from(WANTED),
    st.integers(0, 9) | st.integers(0, 2**32 - 1),
    st.integers(0, 9) | st.integers(0, 2**32 - 1),
    st.integers(0, 40) | st.integers(0, 2**32 - 1),
    st.integers(0, 255),
    st.binary(max_size=400),
)
def test_any_message_is_converted_or_refused(
    encoding, wanted, height, width, step, is_bigendian, data
):
    sent = SimpleNamespace(**{k: v for k, v in locals().items() if k != "wanted"})
    try:
        got = to_array(sent, wanted)
    except ImageError:
        return
    assert got.shape[:2] == (height, width)


@pytest.mark.parametrize(
    ("encoding", "dtype", "shape"),
    [
        ("rgb8", np.uint8, (5, 7, 3)),
        ("bgr8", np.uint8, (5, 7, 3)),
        ("mono8", np.uint8, (5, 7)),
        ("mono16", np.uint16, (5, 7)),
        ("32FC1", np.float32, (5, 7)),
    ],
)
def test_what_is_filled_in_is_read_back(encoding, dtype, shape):
    pixels = np.random.default_rng(0).integers(0, 255, shape).astype(dtype)
    sent = SimpleNamespace()
    fill_image(sent, pixels, encoding)
    assert sent.step == pixels.strides[0]
    assert (to_array(sent, encoding) == pixels).all()
    fill_image(sent, np.flip(pixels), encoding)
    assert (to_array(sent, encoding) == np.flip(pixels)).all()


@pytest.mark.parametrize(
    ("pixels", "encoding", "words"),
    [
        (np.zeros((4, 4), np.uint8), "rgb8", ["rgb8", "[height, width, 3]", "[4, 4]"]),
        (np.zeros((4, 4, 3), np.float32), "rgb8", ["uint8", "float32"]),
        (np.zeros((0, 4), np.uint8), "mono8", ["mono8", "[0, 4]"]),
        (np.zeros((4, 4), np.uint8), "mono9", ["mono9"]),
    ],
)
def test_an_array_that_is_no_such_picture_is_refused(pixels, encoding, words):
    with pytest.raises(ImageError) as caught:
        fill_image(SimpleNamespace(), pixels, encoding)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_real_messages_work():
    messages = pytest.importorskip("sensor_msgs.msg")
    rgb = pattern()
    sent = messages.Image()
    fill_image(sent, rgb, "rgb8")
    assert sent.is_bigendian == int(sys.byteorder == "big")
    assert (to_array(sent, "rgb8") == rgb).all()
    assert (to_array(sent, "bgr8") == rgb[..., ::-1]).all()
    packed = messages.CompressedImage()
    packed.format = "jpeg"
    packed.data = compressed(rgb[..., ::-1], ".jpg").data
    close(to_array(packed, "rgb8"), rgb, 6)
