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

"""FloatArrayTopic and FloatArrayCommandTopic: plain arrays of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor
from typing_extensions import override

from .actuator import TopicActuator
from .checks import check_size
from .sensor import TopicSensor, Warn, finite_tensor


@dataclass(eq=False)
class FloatArrayTopic(TopicSensor):
    """std_msgs/Float32MultiArray: float32 [size], the message's numbers in their order.

    Attributes:
        topic: Topic name.
        size: Numbers in an observation.
    """

    message_type: ClassVar[str] = "std_msgs/msg/Float32MultiArray"
    size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "size", self.size)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (self.size,)

    @override
    def decode(self, message: Any, warn: Warn) -> Tensor:
        if len(message.data) != self.size:
            raise ValueError(f"expected {self.size} numbers, found {len(message.data)}")
        return finite_tensor(message.data)


@dataclass(eq=False)
class FloatArrayCommandTopic(TopicActuator):
    """std_msgs/Float64MultiArray, as the group controllers of ros2_control take it.

    An action is [size], in the units of whoever receives it; no limits are applied, and stopping
    commands zeros, so it is for velocities and efforts rather than positions.

    Attributes:
        topic: Topic name.
        size: Numbers in an action.
    """

    message_type: ClassVar[str] = "std_msgs/msg/Float64MultiArray"
    size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "size", self.size)
        self._names = tuple(f"element {i}" for i in range(self.size))

    @property
    @override
    def names(self) -> tuple[str, ...]:
        return self._names

    @override
    def fill(self, message: Any, values: Sequence[float]) -> None:
        message.data = list(values)
