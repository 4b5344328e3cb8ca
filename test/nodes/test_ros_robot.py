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

"""RosRobot on real topics: one node is the robot's, another plays its hardware."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from ros_helpers import wait_until
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray, Float64MultiArray

from pamiq_ros.core.devices import (
    ActionError,
    FloatArrayCommandTopic,
    FloatArrayTopic,
    ImageTopic,
    ObservationError,
    TwistTopic,
    attach_robot,
)
from pamiq_ros.core.devices.actuator import AxisLimit
from pamiq_ros.nodes.robot_topics import RobotSettings
from pamiq_ros.nodes.ros_robot import RosRobot
from pamiq_ros.pixels import fill_image

if TYPE_CHECKING:
    from ros_helpers import Ros

LIMIT_S = 30.0  # longer than any test, shorter than the ages that are put in stamps


class Hardware:
    """Publishes sensors and hears commands."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._publishers: dict[str, Any] = {}

    def publish(self, kind: Any, topic: str, message: Any) -> None:
        """Publish once somebody listens."""
        if topic not in self._publishers:
            self._publishers[topic] = self.node.create_publisher(kind, topic, 10)
        publisher = self._publishers[topic]
        wait_until(lambda: publisher.get_subscription_count() > 0, f"a subscriber of {topic}")
        publisher.publish(message)

    def picture(self, value: int, age_s: float = 0.0, size: int = 96) -> None:
        """Publish a picture of one brightness, with a stamp of that age; without one if NaN."""
        message = Image()
        fill_image(message, np.full((size, size, 3), value, np.uint8), "rgb8")
        if not math.isnan(age_s):
            stamp = self.node.get_clock().now().nanoseconds - int(age_s * 1e9)
            message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
        self.publish(Image, "camera/image_raw", message)

    def hear(self, kind: Any, topic: str) -> list[Any]:
        """The messages of a topic, from the time its publisher is found."""
        heard: list[Any] = []
        self.node.create_subscription(kind, topic, heard.append, 10)
        wait_until(lambda: self.node.count_publishers(topic) > 0, f"a publisher of {topic}")
        return heard


@pytest.fixture
def hardware(ros: Ros) -> Hardware:
    return Hardware(ros.node("hardware"))


@pytest.fixture
def node(ros: Ros) -> Node:
    return ros.node("acting")


@pytest.fixture
def robot(node: Node) -> Iterator[RosRobot]:
    robot = RosRobot(node)
    yield robot
    robot.close()


def wait_connected(commands: Any) -> None:
    """Wait until the publisher of commands and a subscription have found each other."""
    publisher = commands._output.publish.__self__
    wait_until(lambda: publisher.get_subscription_count() > 0, f"a subscriber of {commands.topic}")


def brightness(source: Any) -> int:
    return int(source.read().float().mean())


def test_a_sensor_reads_the_newest_picture(hardware: Hardware, robot: RosRobot) -> None:
    attach_robot(robot)
    camera = ImageTopic()
    camera.setup()
    assert robot.missing() == ["/camera/image_raw"]
    with pytest.raises(ObservationError, match="'/camera/image_raw': nothing was received yet"):
        camera.read()
    for value in (10, 20, 30):
        hardware.picture(value)
    wait_until(lambda: not robot.missing() and brightness(camera) == 30, "the newest picture")
    camera.read().zero_()
    assert brightness(camera) == 30
    camera.teardown()
    attach_robot(None)
    assert robot.missing() == []


def test_a_picture_that_was_read_stays_as_it_was(hardware: Hardware, robot: RosRobot) -> None:
    source = robot.open_sensor(ImageTopic())
    kept = []
    for value in (10, 20, 30, 40):
        hardware.picture(value)
        wait_until(lambda: not robot.missing(), "a picture")
        wait_until(lambda value=value: brightness(source) == value, "the picture")
        kept += [(value, source.read()) for _ in range(3)]
        source.read().zero_()
    assert all(bool((picture == value).all()) for value, picture in kept)
    assert len({picture.data_ptr() for _, picture in kept}) == len(kept)


def test_a_picture_of_another_size_is_announced_once(
    hardware: Hardware, robot: RosRobot, capfd: pytest.CaptureFixture[str]
) -> None:
    source = robot.open_sensor(ImageTopic())
    for value in (10, 20):
        hardware.picture(value, size=192)
        wait_until(lambda: not robot.missing(), "a picture")
        wait_until(lambda value=value: brightness(source) == value, "the picture")
        assert source.read().shape == (3, 96, 96)
    text = capfd.readouterr().err
    assert text.count("pictures of 192x192 arrive, the system expects 96x96") == 1
    assert "/camera/image_raw" in text


def test_sensors_of_one_topic_each_get_its_messages(hardware: Hardware, robot: RosRobot) -> None:
    large, small = (robot.open_sensor(ImageTopic(height=n, width=n)) for n in (96, 8))
    hardware.picture(50)
    wait_until(lambda: not robot.missing(), "pictures")
    assert (large.read().shape, small.read().shape) == ((3, 96, 96), (3, 8, 8))


def test_a_best_effort_camera_is_received(hardware: Hardware, robot: RosRobot) -> None:
    source = robot.open_sensor(FloatArrayTopic("ir", 2))
    publisher = hardware.node.create_publisher(Float32MultiArray, "ir", qos_profile_sensor_data)
    wait_until(lambda: publisher.get_subscription_count() > 0, "the subscriber")
    publisher.publish(Float32MultiArray(data=[1.0, 2.0]))
    wait_until(lambda: not robot.missing(), "the message")
    torch.testing.assert_close(source.read(), torch.tensor([1.0, 2.0]))


def test_who_waits_for_a_sensor_is_told_once_it_can_be_read(
    hardware: Hardware, robot: RosRobot
) -> None:
    camera, ir = ImageTopic(), FloatArrayTopic("ir", 1)
    source = robot.open_sensor(camera)
    robot.open_sensor(ir)
    seen: list[int] = []
    for name in ("", "camera/image_raw", "/camera/image_raw"):
        robot.on_observation(name, lambda: seen.append(brightness(source)))
    for value in (10, 20):
        seen.clear()
        hardware.picture(value)
        wait_until(lambda: len(seen) == 3, "three calls")
        assert seen == [value] * 3
    with pytest.raises(ValueError, match=r"topic 'scan': .* \(/camera/image_raw, /ir\)"):
        robot.on_observation("scan", seen.clear)


def test_an_old_stamp_is_stale_and_explained(hardware: Hardware, robot: RosRobot) -> None:
    robot.open_sensor(ImageTopic())
    assert robot.stale(LIMIT_S) == ""
    hardware.picture(10)
    wait_until(lambda: not robot.missing(), "a picture")
    assert robot.stale(LIMIT_S) == ""
    hardware.picture(10, age_s=90.0)
    text = wait_until(lambda: robot.stale(LIMIT_S), "a stale picture")
    for part in ("'/camera/image_raw'", "by its reception", "90.", "by its stamp", "30 s"):
        assert part in text
    assert "observation_clock" in text
    assert robot.stale(LIMIT_S) == text
    oldest = robot.oldest()
    assert oldest is not None and oldest[0] == "/camera/image_raw" and oldest[1] > 89
    hardware.picture(10)
    wait_until(lambda: robot.stale(LIMIT_S) == "", "a fresh picture")
    assert len(robot.ages) > 3


def test_silence_is_stale_by_reception(hardware: Hardware, robot: RosRobot) -> None:
    robot.open_sensor(ImageTopic())
    hardware.picture(10, age_s=math.nan)
    text = wait_until(lambda: robot.stale(0.05), "a picture that gets old")
    assert "it has no stamp" in text
    assert "observation_clock" not in text


def test_with_reception_as_the_clock_stamps_do_not_count(hardware: Hardware, node: Node) -> None:
    robot = RosRobot(node, RobotSettings(observation_clock="reception"))
    robot.open_sensor(ImageTopic())
    hardware.picture(10, age_s=90.0)
    wait_until(lambda: not robot.missing(), "a picture")
    assert robot.stale(LIMIT_S) == ""
    robot.close()


def test_stamps_are_compared_with_simulated_time(ros: Ros, hardware: Hardware) -> None:
    use = Parameter("use_sim_time", Parameter.Type.BOOL, True)
    robot = RosRobot(ros.node("simulated", parameter_overrides=[use]))
    robot.open_sensor(ImageTopic())
    message = Image()
    fill_image(message, np.zeros((96, 96, 3), np.uint8), "rgb8")
    message.header.stamp.sec = 1000
    hardware.publish(Image, "camera/image_raw", message)
    wait_until(lambda: not robot.missing(), "a picture")
    assert robot.stale(LIMIT_S) == ""
    clock = Clock()
    clock.clock.sec = 1001
    hardware.publish(Clock, "/clock", clock)
    wait_until(lambda: (robot.oldest() or ("", 0.0))[1] >= 1.0, "one simulated second")
    assert robot.stale(LIMIT_S) == ""
    clock.clock.sec = 1060
    hardware.publish(Clock, "/clock", clock)
    wait_until(lambda: "60.00 s by its stamp" in robot.stale(LIMIT_S), "a stale picture")
    robot.close()


def test_velocities_are_commanded_and_stopped(hardware: Hardware, robot: RosRobot) -> None:
    base = robot.open_actuator(TwistTopic(axes=["angular.z", "linear.x"]))
    heard = hardware.hear(Twist, "cmd_vel")
    wait_connected(base)
    base.write([0.5, -0.25])
    wait_until(lambda: heard, "the command")
    assert (heard[0].linear.x, heard[0].angular.z, heard[0].linear.y) == (-0.25, 0.5, 0.0)
    robot.stop()
    wait_until(lambda: heard[-1] == Twist(), "the stop")
    assert robot.action_counts() == {"cmd_vel": 2}


def test_the_last_zero_is_repeated_before_the_topic_closes(
    hardware: Hardware, robot: RosRobot
) -> None:
    base = robot.open_actuator(TwistTopic())
    robot.stop_before_closing()
    assert robot.action_counts() == {"cmd_vel": 0}  # nothing was commanded: nothing to stop
    heard = hardware.hear(Twist, "cmd_vel")
    wait_connected(base)
    base.write([0.5, 0.0])
    wait_until(lambda: heard, "the command")
    robot.stop_before_closing()
    wait_until(lambda: len(heard) == 6, "five zeros")
    assert all(zero == Twist() for zero in heard[1:])


def test_stamped_velocities_have_the_frame_and_the_time(hardware: Hardware, node: Node) -> None:
    robot = RosRobot(node, RobotSettings(twist_stamped=True, frame_id="hull"))
    base = robot.open_actuator(TwistTopic())
    heard = hardware.hear(TwistStamped, "cmd_vel")
    wait_connected(base)
    base.write([1.0, 0.0])
    wait_until(lambda: heard, "the command")
    assert heard[0].twist.linear.x == 1.0
    assert heard[0].header.frame_id == "hull"
    assert heard[0].header.stamp.sec > 0
    robot.close()
    wait_until(lambda: heard[-1].twist == Twist(), "the stop when it is closed")


def test_arrays_are_commanded(hardware: Hardware, robot: RosRobot) -> None:
    arm = robot.open_actuator(FloatArrayCommandTopic("arm/commands", 3))
    heard = hardware.hear(Float64MultiArray, "arm/commands")
    wait_connected(arm)
    arm.write([1.0, 2.0, 300.0])
    wait_until(lambda: heard, "the command")
    assert heard[0].data.tolist() == [1.0, 2.0, 300.0]


def test_limits_hold_for_commands_and_not_for_stops(hardware: Hardware, node: Node) -> None:
    limits = {"linear.x": AxisLimit(0.5), "angular.z": AxisLimit(acceleration=0.1)}
    robot = RosRobot(node, RobotSettings(limits=limits))
    base = robot.open_actuator(TwistTopic())
    heard = hardware.hear(Twist, "cmd_vel")
    wait_connected(base)
    base.write([3.0, 3.0])
    wait_until(lambda: heard, "the command")
    assert heard[0].linear.x == 0.5
    assert 0.0 <= heard[0].angular.z <= 0.05 + 1e-9
    robot.stop()
    wait_until(lambda: len(heard) > 1, "the stop")
    assert heard[1] == Twist()
    robot.close()


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([math.nan, 0.0], "finite linear.x"),
        ([0.0, -math.inf], "finite angular.z"),
        ([0.0], "found 1"),
    ],
)
def test_a_bad_command_is_not_published(robot: RosRobot, values: list[float], found: str) -> None:
    base = robot.open_actuator(TwistTopic())
    with pytest.raises(ActionError, match=f"'/cmd_vel': expected .*{found}"):
        base.write(values)
    assert robot.action_counts() == {"cmd_vel": 0}


def test_a_topic_has_one_actuator_at_a_time(robot: RosRobot) -> None:
    base = robot.open_actuator(TwistTopic())
    with pytest.raises(ValueError, match="'/cmd_vel': expected one actuator, found two"):
        robot.open_actuator(TwistTopic("/cmd_vel"))
    base.close()
    with pytest.raises(ActionError, match="after the topic was closed"):
        base.write([0.0, 0.0])
    robot.open_actuator(TwistTopic()).write([0.0, 0.0])
    assert robot.action_counts() == {"cmd_vel": 2}


def test_topics_are_in_the_nodes_namespace_and_qos_can_be_overridden(ros: Ros) -> None:
    name = "qos_overrides./robot7/camera/image_raw/compressed.subscription.reliability"
    override = Parameter(name, Parameter.Type.STRING, "reliable")
    node = ros.node("acting", namespace="robot7", parameter_overrides=[override])
    robot = RosRobot(node)
    robot.open_sensor(ImageTopic(compressed=True))
    assert robot.missing() == ["/robot7/camera/image_raw/compressed"]
    (info,) = node.get_subscriptions_info_by_topic("/robot7/camera/image_raw/compressed")
    assert info.qos_profile.reliability.name == "RELIABLE"
    robot.close()
    robot.close()


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"observation_clock": "wall"}, "expected one of stamp, reception, found 'wall'"),
        ({"limits": {"linear": AxisLimit()}}, "expected axes of linear.x, .* found 'linear'"),
    ],
)
def test_bad_settings_are_refused(settings: dict[str, Any], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        RobotSettings(**settings)
