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

"""The Fast DDS profile, as rclpy really takes it: a large picture between two processes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pamiq_ros.bringup import environment

if TYPE_CHECKING:
    from ros_helpers import Ros

PICTURE_BYTES = 640 * 480 * 3
SEGMENT_BYTES = 10 * 1024 * 1024
CAMERA = f"""
import array, os, pathlib, rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node("camera")
mapped = pathlib.Path("/proc/self/maps").read_text().splitlines()
names = {{line.split()[-1] for line in mapped if "/dev/shm/fast" in line}}
print(max(os.stat(name).st_size for name in names), flush=True)
camera = node.create_publisher(Image, "camera/image_raw", qos_profile_sensor_data)
picture = Image(data=array.array("B", bytes({PICTURE_BYTES})))
node.create_timer(0.05, lambda: camera.publish(picture))
rclpy.spin(node)
"""


def test_a_large_picture_travels_in_the_profiles_shared_memory(ros: Ros) -> None:
    from rclpy.qos import qos_profile_sensor_data
    from ros_helpers import wait_until
    from sensor_msgs.msg import Image

    if os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp") != "rmw_fastrtps_cpp":
        pytest.skip("the profile is for Fast DDS, and RMW_IMPLEMENTATION names another")
    if not Path("/dev/shm").is_dir():
        pytest.skip("needs /dev/shm")
    sizes: list[int] = []
    ros.node("viewer").create_subscription(
        Image,
        "camera/image_raw",
        lambda picture: sizes.append(len(picture.data)),
        qos_profile_sensor_data,
    )
    camera = subprocess.Popen(
        [sys.executable, "-c", CAMERA],
        env={**ros.environment, **environment({"ROS_DISTRO": os.environ.get("ROS_DISTRO", "")})},
        stdout=subprocess.PIPE,
        text=True,
    )
    ros.processes.append(camera)
    assert camera.stdout is not None
    assert int(camera.stdout.readline()) > SEGMENT_BYTES
    wait_until(lambda: len(sizes) >= 10, "pictures")
    assert set(sizes) == {PICTURE_BYTES}
