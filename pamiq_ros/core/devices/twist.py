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

"""TwistTopic: velocities as geometry_msgs/Twist."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from typing_extensions import override

from .actuator import TopicActuator
from .checks import check_names

AXES = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
"""The axes of a twist: linear in m/s, angular in rad/s (REP 103: positive angular.z turns left)."""


@dataclass(eq=False)
class TwistTopic(TopicActuator):
    """Velocities: geometry_msgs/Twist or TwistStamped (the node's parameter twist_stamped).

    An action is [len(axes)] in m/s and rad/s; axes that are not named stay 0.

    Attributes:
        topic: Topic name.
        axes: What each number of an action is: of linear.x, linear.y, linear.z, angular.x,
            angular.y and angular.z.
    """

    message_type: ClassVar[str] = "geometry_msgs/msg/Twist"
    topic: str = "cmd_vel"
    axes: Sequence[str] = ("linear.x", "angular.z")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.axes = check_names(self, "axes", self.axes, AXES)

    @property
    @override
    def names(self) -> tuple[str, ...]:
        return tuple(self.axes)

    @override
    def fill(self, message: Any, values: Sequence[float]) -> None:
        for axis, value in zip(self.axes, values, strict=True):
            part, component = axis.split(".")
            setattr(getattr(message, part), component, value)
