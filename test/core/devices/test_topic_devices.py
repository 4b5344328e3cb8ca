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

"""Topic devices without ROS, on a robot that is a plain object."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from pamiq_ros.core.devices import (
    ActionError,
    FloatArrayCommandTopic,
    FloatArrayTopic,
    ImageTopic,
    ImuTopic,
    JointStateTopic,
    LaserScanTopic,
    ObservationError,
    OdometryTopic,
    TwistTopic,
    attach_robot,
    attached_robot,
    check_command,
)
from pamiq_ros.core.interaction import ActuatorsDict, ModularEnvironment, SensorsDict


class Bench:
    """A robot that keeps what it is told and shows ones."""

    def __init__(self) -> None:
        self.commands: dict[str, list[list[float]]] = {}
        self.closed: list[str] = []

    def open_sensor(self, sensor: Any) -> Any:
        bench = self

        class Ones:
            def read(self) -> Tensor:
                return torch.ones(sensor.shape, dtype=sensor.dtype)

            def close(self) -> None:
                bench.closed.append(sensor.topic)

        return Ones()

    def open_actuator(self, actuator: Any) -> Any:
        bench, commands = self, self.commands.setdefault(actuator.topic, [])

        class Keeping:
            def write(self, values: Sequence[float]) -> None:
                commands.append(check_command(actuator.topic, values, actuator.names))

            def close(self) -> None:
                bench.closed.append(actuator.topic)

        return Keeping()


@pytest.fixture
def bench() -> Iterator[Bench]:
    robot = Bench()
    attach_robot(robot)
    yield robot
    attach_robot(None)


@pytest.mark.parametrize(
    ("sensor", "shape", "dtype"),
    [
        (ImageTopic(), (3, 96, 96), torch.uint8),
        (ImageTopic("c", 4, 6, "bgr8", compressed=True), (3, 4, 6), torch.uint8),
        (ImageTopic(height=4, width=6, encoding="mono8"), (1, 4, 6), torch.uint8),
        (ImageTopic(height=4, width=6, encoding="mono16"), (1, 4, 6), torch.int32),
        (ImageTopic(height=4, width=6, encoding="32FC1"), (1, 4, 6), torch.float32),
        (LaserScanTopic(), (360,), torch.float32),
        (ImuTopic(), (10,), torch.float32),
        (OdometryTopic(), (13,), torch.float32),
        (JointStateTopic(joints=["wrist", "elbow"]), (3, 2), torch.float32),
        (FloatArrayTopic("ir", 5), (5,), torch.float32),
    ],
)
def test_what_a_sensor_says_it_observes(
    bench: Bench, sensor: Any, shape: tuple[int, ...], dtype: torch.dtype
) -> None:
    assert (sensor.shape, sensor.dtype) == (shape, dtype)
    sensor.setup()
    assert sensor.read().shape == shape
    sensor.teardown()
    assert bench.closed == [sensor.topic]


def test_devices_are_sensors_and_actuators_like_any_other(bench: Bench) -> None:
    environment = ModularEnvironment(
        SensorsDict({"camera": ImageTopic(), "imu": ImuTopic()}),
        ActuatorsDict({"base": TwistTopic(), "arm": FloatArrayCommandTopic("arm", 2)}),
    )
    environment.setup()
    assert {name: value.shape for name, value in environment.observe().items()} == {
        "camera": (3, 96, 96),
        "imu": (10,),
    }
    environment.affect({"base": torch.tensor([0.5, -1.0]), "arm": torch.tensor([1, 2])})
    environment.teardown()
    assert bench.commands == {"cmd_vel": [[0.5, -1.0]], "arm": [[1.0, 2.0]]}
    assert sorted(bench.closed) == ["arm", "camera/image_raw", "cmd_vel", "imu/data"]


def test_without_a_robot_a_device_says_what_to_do() -> None:
    assert attached_robot() is None
    for device in (ImageTopic(), TwistTopic()):
        with pytest.raises(RuntimeError, match=r"no robot is attached.*attach_robot"):
            device.setup()
    with pytest.raises(RuntimeError, match="'scan': not set up"):
        LaserScanTopic().read()
    with pytest.raises(RuntimeError, match="'cmd_vel': not set up"):
        TwistTopic().operate(torch.zeros(2))


@pytest.mark.parametrize(
    ("action", "found"),
    [
        (torch.zeros(3), r"shape \[2\], found torch.float32 of shape \[3\]"),
        (torch.zeros(1, 2), r"of shape \[1, 2\]"),
        (torch.zeros(2, dtype=torch.complex64), "complex64"),
        (torch.tensor([0.0, math.nan]), "finite angular.z, found nan"),
        (torch.tensor([math.inf, 0.0]), "finite linear.x, found inf"),
    ],
)
def test_a_bad_action_is_refused_before_anything_is_commanded(
    bench: Bench, action: Tensor, found: str
) -> None:
    base = TwistTopic()
    base.setup()
    with pytest.raises(ActionError, match=found) as refused:
        base.operate(action)
    assert refused.value.topic == "cmd_vel"
    assert bench.commands == {"cmd_vel": []}


def test_an_action_with_a_gradient_or_of_integers_is_commanded(bench: Bench) -> None:
    base = TwistTopic(axes=["angular.x"])
    base.setup()
    base.operate(torch.ones(1, requires_grad=True))
    base.operate(torch.tensor([2]))
    assert bench.commands == {"cmd_vel": [[1.0], [2.0]]}


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda: ImageTopic(""), "ImageTopic: topic: expected a ROS name .* found ''"),
        (lambda: ImageTopic("camera/1"), "found 'camera/1'"),
        (lambda: ImageTopic("a//b"), "found 'a//b'"),
        (lambda: ImageTopic(height=0), "height: expected an integer from 1 to 16384, found 0"),
        (lambda: ImageTopic(width=9.5), "width: expected an integer .* found 9.5"),  # type: ignore[arg-type]
        (lambda: ImageTopic(encoding="rgb"), "encoding: expected one of rgb8, .* found 'rgb'"),
        (lambda: ImageTopic(compressed="yes"), "compressed: expected a bool"),  # type: ignore[arg-type]
        (lambda: LaserScanTopic(beams=True), "beams: expected an integer"),
        (lambda: JointStateTopic(), r"joints: expected a sequence of one name or more, found \(\)"),
        (lambda: JointStateTopic(joints="arm"), "joints: .* found 'arm'"),
        (lambda: JointStateTopic(joints=["a", "a"]), "joints: expected every name once"),
        (lambda: FloatArrayTopic("ir", -1), "size: expected an integer"),
        (lambda: TwistTopic(axes=["linear.w"]), "axes: expected one of linear.x, .*'linear.w'"),
        (lambda: TwistTopic(axes=()), "axes: expected a sequence"),
        (lambda: FloatArrayCommandTopic("arm", 0), "size: expected an integer"),
    ],
)
def test_what_cannot_be_is_refused_when_it_is_made(make: Any, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        make()


@pytest.mark.parametrize("topic", ["/camera/image", "~/image", "image", "_a/b_1"])
def test_ros_names_are_accepted(topic: str) -> None:
    assert ImageTopic(topic).topic == topic


def test_errors_name_the_topic_and_the_reason() -> None:
    error = ObservationError("/scan", "nothing was received yet")
    assert str(error) == "topic '/scan': nothing was received yet"
    assert (error.topic, error.reason) == ("/scan", "nothing was received yet")
