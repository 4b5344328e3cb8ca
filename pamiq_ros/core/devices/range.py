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

"""RangeTopic: sensor_msgs/Range as an observation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor
from typing_extensions import override

from .sensor import TopicSensor, Warn


@dataclass(eq=False)
class RangeTopic(TopicSensor):
    """One distance of sensor_msgs/Range (ultrasound, infrared): float32 [1] in m.

    It is finite and between the message's min_range and max_range. Nothing in range (inf) is
    max_range, something too close (-inf) is min_range, as REP 117 has it. No measurement (NaN) is
    max_range, as for `LaserScanTopic`.
    """

    message_type: ClassVar[str] = "sensor_msgs/msg/Range"
    topic: str = "range"

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (1,)

    @override
    def decode(self, message: Any, warn: Warn) -> Tensor:
        nearest, farthest = float(message.min_range), float(message.max_range)
        if not 0.0 <= nearest < farthest < math.inf:
            raise ValueError(f"expected 0 <= min_range < max_range, found {nearest} and {farthest}")
        distance = farthest if math.isnan(message.range) else float(message.range)
        return torch.tensor([min(max(distance, nearest), farthest)])
