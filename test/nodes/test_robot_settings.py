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

"""The robot's parameters, declared on a real node."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from rclpy.parameter import Parameter

from pamiq_ros.core.devices import AXES
from pamiq_ros.nodes.parameters import declare
from pamiq_ros.nodes.robot_topics import robot_settings
from pamiq_ros.nodes.tables import ROBOT_PARAMETERS

if TYPE_CHECKING:
    from ros_helpers import Ros


def test_every_axis_has_finite_limits_by_default(ros: Ros) -> None:
    node = ros.node("robot")
    assert declare(node, ROBOT_PARAMETERS) == {}
    settings = robot_settings(node)
    assert set(settings.limits) == set(AXES)
    for limit in settings.limits.values():
        assert 0.0 < limit.velocity < math.inf and 0.0 < limit.acceleration < math.inf


def test_what_the_user_gives_is_taken(ros: Ros) -> None:
    given = [
        Parameter("max_linear_velocity", value=0.22),
        Parameter("max_angular_acceleration", value=3.0),
        Parameter("twist_stamped", value=True),
        Parameter("frame_id", value="hull"),
        Parameter("observation_clock", value="reception"),
    ]
    node = ros.node("robot", parameter_overrides=given)
    assert declare(node, ROBOT_PARAMETERS) == {}
    settings = robot_settings(node)
    assert [settings.limits[axis].velocity for axis in AXES] == [0.22] * 3 + [1.0] * 3
    assert [settings.limits[axis].acceleration for axis in AXES] == [10.0] * 3 + [3.0] * 3
    assert (settings.twist_stamped, settings.frame_id) == (True, "hull")
    assert settings.observation_clock == "reception"


@pytest.mark.parametrize(
    ("name", "value"), [("max_linear_velocity", -1.0), ("observation_clock", "wall")]
)
def test_what_cannot_be_is_named(ros: Ros, name: str, value: float | str) -> None:
    node = ros.node("robot", parameter_overrides=[Parameter(name, value=value)])
    errors = declare(node, ROBOT_PARAMETERS)
    assert list(errors) == [name]
    assert repr(value) in errors[name]
