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

"""Which topic makes the tick begin, by the parameters `trigger` and `trigger_topic`."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from rclpy.parameter import Parameter
from ros_helpers import wait_until
from sensor_msgs.msg import Image
from std_msgs.msg import Float32MultiArray

from pamiq_ros.core.devices import FloatArrayTopic, ImageTopic, TopicSensor
from pamiq_ros.nodes.inference_node import make_ticker
from pamiq_ros.nodes.parameters import declare
from pamiq_ros.nodes.ros_robot import RosRobot
from pamiq_ros.nodes.tables import INFERENCE_PARAMETERS

if TYPE_CHECKING:
    from ros_helpers import Ros

CAMERA = ImageTopic("camera/image_raw", height=16, width=16)
REAR = ImageTopic("rear/image_raw", height=16, width=16)
SPEED = FloatArrayTopic("speed", 1)
LOAD = FloatArrayTopic("load", 1)


def ticker(ros, sensors, tick=lambda: None, watch=lambda: None, **given):
    values = {"trigger": "observation", **given}
    overrides = [Parameter(name, value=value) for name, value in values.items()]
    node = ros.node("actor", namespace="robot", parameter_overrides=overrides)
    assert declare(node, INFERENCE_PARAMETERS) == {}
    robot = RosRobot(node)
    for sensor in sensors:
        robot.open_sensor(sensor)
    actor = SimpleNamespace(tick=tick, watch=watch)
    return make_ticker(node, 1000.0, actor, robot)


@pytest.mark.parametrize(
    ("sensors", "named", "topic", "message"),
    [
        ([SPEED], "", "/robot/speed", Float32MultiArray(data=[1.0])),
        ([SPEED, CAMERA, LOAD], "", "/robot/camera/image_raw", Image()),
        ([SPEED, LOAD], "speed", "/robot/speed", Float32MultiArray(data=[1.0])),
        ([SPEED, CAMERA], "/robot/speed", "/robot/speed", Float32MultiArray(data=[1.0])),
    ],
    ids=["the only one", "the only camera", "by the sensor's name", "by its full name"],
)
def test_each_message_of_the_triggering_topic_makes_a_tick(
    ros: Ros, sensors: list[TopicSensor], named: str, topic: str, message: object
) -> None:
    ticked, watched = threading.Semaphore(0), threading.Event()
    made = ticker(ros, sensors, ticked.release, watched.set, trigger_topic=named)
    sensor = ros.node("sensor").create_publisher(type(message), topic, 1)
    wait_until(lambda: sensor.get_subscription_count() == 1, "the subscription")
    made.start()
    assert watched.wait(20.0)  # it has begun: what comes from now on counts
    for _ in range(5):
        sensor.publish(message)
        assert ticked.acquire(timeout=20.0)
    assert made.stop()
    assert made.ticks == 5


@pytest.mark.parametrize(
    ("sensors", "named", "words"),
    [
        ([SPEED, LOAD], "", ("found none", "/robot/load, /robot/speed")),
        ([REAR, CAMERA, LOAD], "", ("found none", "/robot/rear/image_raw", "/robot/load")),
        ([SPEED, CAMERA], "sped", ("'sped'", "/robot/speed", "/robot/camera/image_raw")),
        ([SPEED], "/speed", ("'/speed'", "/robot/speed")),
        ([], "", ("found none", "topics are none")),
    ],
    ids=["two", "two cameras", "misspelt", "of another namespace", "no sensors"],
)
def test_a_topic_that_cannot_be_meant_is_refused_with_those_that_can(
    ros: Ros, sensors: list[TopicSensor], named: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match="parameter 'trigger_topic'") as refusal:
        ticker(ros, sensors, trigger_topic=named)
    for word in words:
        assert word in str(refusal.value)


def test_cpus_that_are_not_there_are_refused_by_the_parameters_name(ros: Ros) -> None:
    with pytest.raises(ValueError, match="parameter 'cpu_affinity'"):
        ticker(ros, [SPEED], cpu_affinity="4095")
