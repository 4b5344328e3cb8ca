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

"""A system of two sensors and no model: what it last heard on `left` is the speed it drives at."""

import torch

from pamiq_ros.core import Agent, System
from pamiq_ros.core.devices import FloatArrayTopic, TwistTopic


class Echo(Agent):
    """Drives at the number from the left."""

    def step(self, observation: dict[str, torch.Tensor]) -> list[float]:
        return [float(observation["left"]), 0.0]


def system() -> System:
    """The system."""
    return System(
        agent=Echo,
        sensors={
            "left": lambda: FloatArrayTopic("left", 1),
            "right": lambda: FloatArrayTopic("right", 1),
        },
        actuators=lambda: TwistTopic("cmd_vel"),
    )
