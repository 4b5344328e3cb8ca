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

"""ImuTopic: sensor_msgs/Imu as an observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from typing_extensions import override

from .sensor import TopicSensor, Warn, finite_tensor, xyz, xyzw


@dataclass(eq=False)
class ImuTopic(TopicSensor):
    """sensor_msgs/Imu: float32 [10].

    In this order: orientation x, y, z, w (a quaternion); angular velocity x, y, z in rad/s; linear
    acceleration x, y, z in m/s².
    """

    message_type: ClassVar[str] = "sensor_msgs/msg/Imu"
    topic: str = "imu/data"

    SHAPE: ClassVar[tuple[int, ...]] = (10,)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return self.SHAPE

    @override
    def decode(self, message: Any, warn: Warn) -> Tensor:
        values = [
            *xyzw(message.orientation),
            *xyz(message.angular_velocity),
            *xyz(message.linear_acceleration),
        ]
        return finite_tensor(values)
