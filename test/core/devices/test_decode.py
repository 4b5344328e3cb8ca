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

"""What messages become, and which are refused."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from nav_msgs.msg import Odometry
from sensor_msgs.msg import CompressedImage, Image, Imu, JointState, LaserScan, Range
from std_msgs.msg import Float32MultiArray

from pamiq_ros.compat import message_class, require_message_class
from pamiq_ros.core.devices import (
    FloatArrayTopic,
    ImageTopic,
    ImuTopic,
    JointStateTopic,
    LaserScanTopic,
    OdometryTopic,
    RangeTopic,
    TopicSensor,
)
from pamiq_ros.pixels import fill_image


def decode(sensor: TopicSensor, message: Any) -> tuple[torch.Tensor, list[str]]:
    announced: list[str] = []
    tensor = sensor.decode(message, announced.append)
    assert tensor.shape == sensor.shape
    assert tensor.dtype == sensor.dtype
    assert tensor.is_contiguous()
    return tensor, announced


def picture(array: np.ndarray[Any, Any], encoding: str) -> Image:
    message = Image()
    fill_image(message, array, encoding)
    return message


def scan(ranges: Any, nearest: float = 0.25, farthest: float = 8.0) -> LaserScan:
    return LaserScan(ranges=[float(r) for r in ranges], range_min=nearest, range_max=farthest)


COLOURS = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)


def test_a_picture_is_channels_first() -> None:
    tensor, announced = decode(ImageTopic(height=4, width=6), picture(COLOURS, "rgb8"))
    np.testing.assert_array_equal(tensor.numpy(), COLOURS.transpose(2, 0, 1))
    assert announced == []


def test_colours_are_put_in_the_order_asked_for() -> None:
    sensor = ImageTopic(height=4, width=6, encoding="bgr8")
    tensor, _ = decode(sensor, picture(COLOURS, "rgb8"))
    np.testing.assert_array_equal(tensor.numpy(), COLOURS[..., ::-1].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("encoding", "array"),
    [
        ("mono8", np.full((4, 6), 200, np.uint8)),
        ("mono16", np.full((4, 6), 60000, np.uint16)),
        ("32FC1", np.full((4, 6), 1.5, np.float32)),
    ],
)
def test_pictures_of_one_channel(encoding: str, array: np.ndarray[Any, Any]) -> None:
    sensor = ImageTopic(height=4, width=6, encoding=encoding)
    tensor, _ = decode(sensor, picture(array, encoding))
    assert (tensor == array.flat[0].item()).all()


def test_a_depth_camera_in_millimetres_is_read_as_mono16() -> None:
    depth = np.full((4, 6), 4321, np.uint16)
    tensor, _ = decode(ImageTopic(height=4, width=6, encoding="mono16"), picture(depth, "16UC1"))
    assert (tensor == 4321).all()


def test_a_larger_picture_is_averaged_and_announced() -> None:
    stripes = np.zeros((8, 12, 3), np.uint8)
    stripes[:, ::2] = 200
    tensor, announced = decode(ImageTopic(height=4, width=6), picture(stripes, "rgb8"))
    assert (tensor == 100).all()
    assert announced == ["pictures of 12x8 arrive, the system expects 6x4: they are resized"]


def test_a_smaller_picture_is_enlarged() -> None:
    tensor, announced = decode(ImageTopic(), picture(np.full((4, 6, 3), 9, np.uint8), "rgb8"))
    assert (tensor == 9).all()
    assert len(announced) == 1


def test_depths_are_never_mixed() -> None:
    depth = np.where(np.arange(12) % 2, 1.0, 9.0).astype(np.float32)[None].repeat(8, 0)
    sensor = ImageTopic(height=3, width=5, encoding="32FC1")
    tensor, _ = decode(sensor, picture(depth, "32FC1"))
    assert set(tensor.unique().tolist()) <= {1.0, 9.0}


def test_a_compressed_picture() -> None:
    data = cv2.imencode(".png", COLOURS[..., ::-1])[1].tobytes()
    sensor = ImageTopic(height=4, width=6, compressed=True)
    assert sensor.subscription == ("camera/image_raw/compressed", "sensor_msgs/msg/CompressedImage")
    tensor, _ = decode(sensor, CompressedImage(format="png", data=data))
    np.testing.assert_array_equal(tensor.numpy(), COLOURS.transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("sensor", "message", "encoding"),
    [
        (ImageTopic(), Image(height=1, width=1, encoding="nv21", step=1, data=[0]), "nv21"),
        (ImageTopic(), picture(np.ones((2, 2), np.float32), "32FC1"), "32FC1"),
        (ImageTopic(), Image(height=9, width=9, encoding="rgb8", step=27, data=[0]), "rgb8"),
        (ImageTopic(compressed=True), CompressedImage(format="jpeg", data=[1, 2]), "jpeg"),
    ],
)
def test_a_picture_that_does_not_convert_names_the_encoding(
    sensor: ImageTopic, message: Any, encoding: str
) -> None:
    with pytest.raises(ValueError, match=f"encoding '{encoding}'"):
        decode(sensor, message)


def test_a_scan_has_numbers_for_everything() -> None:
    found = [1.0, math.inf, -math.inf, math.nan, 0.0, 0.1, 99.0]
    tensor, announced = decode(LaserScanTopic(beams=7), scan(found))
    assert tensor.tolist() == [1.0, 8.0, 0.25, 8.0, 8.0, 8.0, 8.0]
    assert announced == []


def test_a_scan_of_more_beams_keeps_the_nearest() -> None:
    tensor, announced = decode(LaserScanTopic(beams=3), scan([5, 5, 5, 1, 5, 5, 5]))
    assert tensor.tolist() == [5, 1, 5]
    assert announced == ["scans of 7 beams arrive, the system expects 3: they are resampled"]


def test_a_scan_of_fewer_beams_repeats_them() -> None:
    assert decode(LaserScanTopic(beams=5), scan([1, 2]))[0].tolist() == [1, 1, 1, 2, 2]


@given(hnp.arrays(np.float32, st.integers(1, 40)), st.integers(1, 60))
def test_every_scan_is_finite_and_within_its_range(ranges: Any, beams: int) -> None:
    tensor, _ = decode(LaserScanTopic(beams=beams), scan(ranges))
    assert bool(((tensor >= 0.25) & (tensor <= 8.0)).all())


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (scan([]), "expected 360 ranges, found none"),
        (scan([1], 2.0, 1.0), "expected 0 <= range_min < range_max"),
        (scan([1], 0.0, math.inf), "range_max"),
    ],
)
def test_a_scan_without_sense_is_refused(message: LaserScan, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        decode(LaserScanTopic(), message)


@pytest.mark.parametrize(
    ("found", "expected"), [(1.5, 1.5), (math.inf, 4.0), (-math.inf, 0.5), (math.nan, 4.0), (9, 4)]
)
def test_a_range_is_finite_and_within_its_limits(found: float, expected: float) -> None:
    message = Range(range=float(found), min_range=0.5, max_range=4.0)
    assert decode(RangeTopic(), message)[0].tolist() == [expected]


def test_a_range_without_limits_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"expected 0 <= min_range < max_range, found 0\.0 and 0\.0"
    ):
        decode(RangeTopic(), Range(range=1.0))


def test_imu_in_its_order() -> None:
    message = Imu()
    message.orientation.x, message.orientation.w = 0.1, 0.9
    message.angular_velocity.z, message.linear_acceleration.x = 0.3, 9.0
    tensor, _ = decode(ImuTopic(), message)
    torch.testing.assert_close(tensor, torch.tensor([0.1, 0, 0, 0.9, 0, 0, 0.3, 9.0, 0, 0]))
    message.angular_velocity.y = math.nan
    with pytest.raises(ValueError, match="found nan as number 5"):
        decode(ImuTopic(), message)


def test_odometry_in_its_order() -> None:
    message = Odometry()
    message.pose.pose.position.y = 2.0
    message.twist.twist.linear.x, message.twist.twist.angular.z = 0.5, -0.25
    tensor, _ = decode(OdometryTopic(), message)
    assert tensor.tolist() == [0, 2, 0, 0, 0, 0, 1, 0.5, 0, 0, 0, 0, -0.25]


def test_joints_by_name_with_zero_for_what_is_not_measured() -> None:
    message = JointState(
        name=["wheel", "elbow", "wrist"], position=[1.0, 2.0, 3.0], effort=[math.nan, 5.0, 6.0]
    )
    tensor, _ = decode(JointStateTopic(joints=("wrist", "wheel")), message)
    assert tensor.tolist() == [[3.0, 1.0], [0.0, 0.0], [6.0, 0.0]]


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (JointState(name=["elbow"], position=[1.0]), "joint 'wrist' is missing.* has elbow"),
        (JointState(), "joint 'wrist' is missing; the message has none"),
        (JointState(name=["wrist"], position=[1.0, 2.0]), "position: expected 1 numbers or none"),
        (JointState(name=["wrist"], velocity=[math.inf]), "velocity: expected finite"),
    ],
)
def test_joints_that_do_not_fit_are_refused(message: JointState, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        decode(JointStateTopic(joints=["wrist"]), message)


def test_floats() -> None:
    assert decode(FloatArrayTopic("t", 2), Float32MultiArray(data=[1.0, 2.0]))[0].tolist() == [1, 2]
    with pytest.raises(ValueError, match="expected 2 numbers, found 1"):
        decode(FloatArrayTopic("t", 2), Float32MultiArray(data=[1.0]))
    with pytest.raises(ValueError, match="found inf as number 0"):
        decode(FloatArrayTopic("t", 1), Float32MultiArray(data=[math.inf]))


def test_a_sensor_without_a_message_type_is_refused() -> None:
    with pytest.raises(ValueError, match=r"topic .t.: expected the type of an installed"):
        require_message_class(*TopicSensor("t").subscription)


@pytest.mark.parametrize(
    "kind", ["", "os/msg/path", "../msg/X", "std_msgs/srv/Empty", "std_msgs/msg/"]
)
def test_only_installed_messages_have_a_class(kind: str) -> None:
    assert message_class(kind) is None
    assert message_class("std_msgs/msg/Float32MultiArray") is Float32MultiArray
