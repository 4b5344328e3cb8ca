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

"""OdometryTopic: nav_msgs/Odometry as an observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from typing_extensions import override

from .sensor import TopicSensor, Warn, finite_tensor, xyz, xyzw


@dataclass(eq=False)
class OdometryTopic(TopicSensor):
    """nav_msgs/Odometry: float32 [13].

    In this order: position x, y, z in m and orientation x, y, z, w (a quaternion) in the odometry
    frame; linear velocity x, y, z in m/s and angular velocity x, y, z in rad/s in the child frame.
    """

    message_type: ClassVar[str] = "nav_msgs/msg/Odometry"
    topic: str = "odom"

    SHAPE: ClassVar[tuple[int, ...]] = (13,)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return self.SHAPE

    @override
    def decode(self, message: Any, warn: Warn) -> Tensor:
        pose, twist = message.pose.pose, message.twist.twist
        values = [
            *xyz(pose.position),
            *xyzw(pose.orientation),
            *xyz(twist.linear),
            *xyz(twist.angular),
        ]
        return finite_tensor(values)
