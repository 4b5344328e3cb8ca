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

"""The world node as a real process, seen and driven over real topics."""

from __future__ import annotations

import json
import math
import signal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.qos import qos_profile_sensor_data
from ros_helpers import wait_until
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Float32MultiArray, Float64MultiArray, String

if TYPE_CHECKING:
    from rclpy.node import Node
    from ros_helpers import Ros

WORLD = "pamiq_ros.nodes.world_node"
ECHO = "world_environments:Echo-v0"


def parameters(**values: Any) -> list[str]:
    return [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]


def hear(node: Node, kind: Any, topic: str) -> list[Any]:
    heard: list[Any] = []
    node.create_subscription(kind, topic, heard.append, qos_profile_sensor_data)
    return heard


def echoed(heard: list[Any], expected: list[float]) -> Any:
    return lambda: heard and np.allclose(heard[-1].data, expected)


def repeat(node: Node, kind: Any, topic: str, message: Any) -> None:
    publisher = node.create_publisher(kind, topic, 1)
    node.create_timer(0.05, lambda: publisher.publish(message))


def test_the_racing_car_is_seen_and_driven(ros: Ros) -> None:
    probe = ros.node("probe", namespace="robot1")
    pictures = hear(probe, Image, "camera/image_raw")
    rewards = hear(probe, Float32, "reward")
    ros.start(WORLD, "-r", "__ns:=/robot1")
    first = wait_until(lambda: pictures and pictures[0], "a picture")
    assert (first.height, first.width, first.encoding, first.step) == (96, 96, "rgb8", 288)
    assert first.header.frame_id == "camera"
    now = probe.get_clock().now().nanoseconds
    assert 0 <= now - first.header.stamp.sec * 1e9 - first.header.stamp.nanosec < 30e9

    forward = Twist()
    forward.linear.x = 1.0
    repeat(probe, Twist, "cmd_vel", forward)
    # Below the picture of the road is the dashboard, with the speed as a white bar.
    wait_until(lambda: _speed_bar(pictures[-1]) > 5, "a car that drives")
    wait_until(lambda: any(reward.data > 0.5 for reward in rewards), "a reward")


def _speed_bar(picture: Image) -> int:
    pixels = np.frombuffer(picture.data, np.uint8).reshape(96, 96, 3)
    return int((pixels[84:, 10:16] > 200).all(axis=2).sum())


def test_commands_are_held_until_the_next(ros: Ros) -> None:
    probe = ros.node("probe")
    observations = hear(probe, Float32MultiArray, "observation")
    commands = probe.create_publisher(Twist, "cmd_vel", 1)
    ros.start(WORLD, *parameters(env_id=ECHO))
    wait_until(echoed(observations, [0.0, 0.0]), "a world at rest")
    twist = Twist()
    twist.linear.x, twist.angular.z = 0.5, -0.25
    wait_until(lambda: commands.get_subscription_count() == 1, "the world's subscription")
    commands.publish(twist)
    wait_until(echoed(observations, [0.5, -0.25]), "the command")
    heard = len(observations)
    wait_until(lambda: len(observations) > heard + 20, "more steps")
    assert np.allclose([message.data for message in observations[heard:]], [0.5, -0.25])
    twist.linear.x = math.nan
    commands.publish(twist)
    twist.linear.x, twist.angular.z = -1.0, 0.0
    commands.publish(twist)
    wait_until(echoed(observations, [-1.0, 0.0]), "the world after a command that is no number")


@pytest.mark.parametrize(
    ("command", "kind", "topic"),
    [("twist_stamped", TwistStamped, "cmd_vel"), ("array", Float64MultiArray, "action")],
)
def test_other_commands(ros: Ros, command: str, kind: Any, topic: str) -> None:
    probe = ros.node("probe")
    observations = hear(probe, Float32MultiArray, "observation")
    message = kind()
    if command == "array":
        message.data = [0.75, -0.5]
    else:
        message.twist.linear.x, message.twist.angular.z = 0.75, -0.5
    repeat(probe, kind, topic, message)
    ros.start(WORLD, *parameters(env_id=ECHO, command=command))
    wait_until(echoed(observations, [0.75, -0.5]), "the command")


def test_an_action_map_and_ended_episodes(ros: Ros) -> None:
    probe = ros.node("probe")
    observations = hear(probe, Float32MultiArray, "observation")
    episodes = hear(probe, String, "episode")
    terms = "['0.25', 'negative(angular.z) * 0.5']"
    twist = Twist()
    twist.angular.z = -1.0
    repeat(probe, Twist, "cmd_vel", twist)
    ros.start(
        WORLD, *parameters(env_id=ECHO, env_kwargs="'{length: 4}'", rate=100.0, action_map=terms)
    )
    wait_until(echoed(observations, [0.25, 0.5]), "the mapped command")
    wait_until(lambda: len(episodes) > 1, "two ended episodes")
    first, second = (json.loads(message.data) for message in episodes[:2])
    assert second["episode"] == first["episode"] + 1
    expected = {"steps": 4, "return": 1.0, "terminated": True, "truncated": False}
    assert first == {"episode": first["episode"], **expected}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_well(ros: Ros, number: signal.Signals) -> None:
    observations = hear(ros.node("probe"), Float32MultiArray, "observation")
    process = ros.start(WORLD, *parameters(env_id=ECHO))
    wait_until(lambda: observations, "an observation")
    process.send_signal(number)
    assert process.wait(150.0) == 0
    assert "Traceback" not in process.communicate()[1]


REFUSED: list[tuple[dict[str, str], str]] = [
    ({"env_id": "NoSuchCar-v3"}, "env_id 'NoSuchCar-v3'"),
    ({"env_id": ECHO, "env_kwargs": "'{wings: 2}'"}, "'wings': 2"),
    ({"env_id": ECHO, "env_kwargs": "'[1]'"}, "env_kwargs: expected a YAML mapping"),
    ({"env_id": ECHO, "rate": "-5.0"}, "'rate': expected double from 0 to 1000"),
    ({"env_id": ECHO, "rate": "fast"}, "'rate': expected double from 0 to 1000"),
    ({"env_id": ECHO, "action_map": "['wheel', '0']"}, "'wheel'"),
    ({"env_id": ECHO, "command": "voice"}, "expected one of twist, twist_stamped, array"),
    ({"env_id": "world_environments:NoRate-v0"}, "'rate': expected a positive rate"),
]


def test_what_cannot_be_is_refused_with_exit_status_2(ros: Ros) -> None:
    processes = [ros.start(WORLD, *parameters(**values)) for values, _ in REFUSED]
    for process, (values, named) in zip(processes, REFUSED, strict=True):
        _, text = process.communicate(timeout=60.0)
        assert process.returncode == 2, (values, text)
        assert named in text, values
        assert "Traceback" not in text, values


def test_an_environment_that_breaks_ends_the_process_with_its_reason(ros: Ros) -> None:
    process = ros.start(WORLD, *parameters(env_id=ECHO, env_kwargs="'{breaks: true}'"))
    _, text = process.communicate(timeout=20.0)
    assert process.returncode == 1, text
    assert "a wheel fell off" in text


def test_what_is_drawn_for_people_is_a_camera(ros: Ros) -> None:
    pictures = hear(ros.node("probe"), Image, "camera/image_raw")
    ros.start(WORLD, *parameters(env_id="CartPole-v1", observe="render"))
    picture = wait_until(lambda: pictures and pictures[0], "a picture")
    assert (picture.height, picture.width, picture.encoding) == (400, 600, "rgb8")


def test_the_outcome_says_how_the_episode_goes(ros: Ros) -> None:
    heard = hear(ros.node("probe"), Float32MultiArray, "outcome")
    ros.start(WORLD, *parameters(env_id=ECHO, env_kwargs="'{length: 4}'"))
    ends = lambda: [message.data for message in heard if message.data[2]]  # noqa: E731
    wait_until(lambda: len(ends()) > 2, "the ends of some episodes")
    assert all(end[1] == 1.0 and end[2] == 1.0 for end in ends())  # terminated, worth 1
    later = [message.data for message in heard if message.data[0] >= 1.0]
    assert all(list(message[3:]) == [1.0, 1.0] for message in later)
