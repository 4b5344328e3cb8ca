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

"""A camera that goes wrong in every way: the robot stops in time, drives on by itself, says why."""

import array
import random
import time

import pytest
from drive import Drive
from integration.harness import GREY, TINY, graph, wait_until
from sensor_msgs.msg import Image

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

TIMEOUT_S, PERIOD_S = 0.5, 0.05
HOUR_S = 3600


def picture(probe, height=16, width=16, encoding="rgb8", step=48, size=768, shift_s=0):
    """A picture as asked for, right or wrong."""
    message = Image(height=height, width=width, encoding=encoding, step=step)
    message.header.stamp = probe.get_clock().now().to_msg()
    message.header.stamp.sec += shift_s
    message.data = array.array("B", bytes([GREY]) * size)
    return message


def garbage(probe):
    """A picture whose numbers and bytes are anything."""
    numbers = {name: random.choice((0, 1, 7, 16, 2**31, 2**32 - 1)) for name in ("height", "width")}
    message = picture(probe, **numbers, step=random.choice((0, 1, 47, 48, 2**32 - 1)))
    message.data = array.array("B", random.randbytes(random.choice((0, 1, 767, 5000))))
    message.encoding = random.choice(("rgb8", "bgr8", "mono16", "32FC1", "", "rgb8\n", "ÿ" * 40))
    return message


FAULTS = {
    "an unknown encoding": (lambda probe: picture(probe, encoding="teletext"), "teletext"),
    "too few bytes": (lambda probe: picture(probe, size=767), "camera/image_raw"),
    "rows too short": (lambda probe: picture(probe, step=47), "camera/image_raw"),
    "no pixels": (lambda probe: picture(probe, height=0, width=0, step=0, size=0), "camera"),
    "a size nobody can have": (lambda probe: picture(probe, height=2**32 - 1), "camera"),
    "garbage": (garbage, "camera/image_raw"),
    "a stamp of an hour ago": (lambda probe: picture(probe, shift_s=-HOUR_S), "by its stamp"),
}
HARMLESS = {
    "another size": lambda probe: picture(probe, height=33, width=20, step=60, size=33 * 60),
    "another encoding": lambda probe: picture(probe, encoding="mono8", step=16, size=256),
    "a stamp of the next hour": lambda probe: picture(probe, shift_s=HOUR_S),
}


@pytest.fixture(scope="module")
def probe():
    with graph() as made:
        made.start_all(TINY)
        yield made.probe


@pytest.fixture(autouse=True)
def driving(probe):
    """The robot drives on good pictures before each test, and after it."""
    wait_until(probe.moving, "motion")
    yield
    probe.make_picture = None
    probe.show_grey()
    wait_until(probe.moving, "motion on good pictures")


def test_no_picture_stops_the_robot_within_the_timeout(probe, repeats, figures, full):
    took = []
    for _ in range(repeats(1, 20)):
        wait_until(probe.moving, "motion")
        probe.forget_errors()
        probe.cover_lens()
        covered = time.monotonic()
        wait_until(probe.standing, "zero")
        took.append(time.monotonic() - covered)
        wait_until(lambda: "old by its reception" in probe.errors(), "the cause")
        probe.uncover_lens()
    figures(least_s=min(took), most_s=max(took), timeout_s=TIMEOUT_S, period_s=PERIOD_S)
    if full:
        assert max(took) <= TIMEOUT_S + 2 * PERIOD_S


@pytest.mark.parametrize("fault", FAULTS)
def test_a_picture_that_is_wrong_stops_the_robot(probe, fault, repeats):
    make, words = FAULTS[fault]
    for _ in range(repeats(1, 20)):
        wait_until(probe.moving, "motion")
        probe.forget_errors()
        probe.make_picture = lambda: make(probe)
        wait_until(probe.standing, f"zero for {fault}")
        wait_until(lambda: words in probe.errors(), "the cause")
        probe.make_picture = None


@pytest.mark.parametrize("change", HARMLESS)
def test_a_picture_that_is_unusual_is_driven_on(probe, change, full):
    drive = Drive(probe, strict=full)
    probe.make_picture = lambda: HARMLESS[change](probe)
    before = len(probe.commands)
    wait_until(lambda: len(probe.commands) > before + 30, "commands")
    drive.require()
