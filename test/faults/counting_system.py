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

"""A system that shows from outside what acts: steps are numbered, and weights count the updates.

The command's turn is the number of updates that the acting weights have seen times `TURN`; weights
as they are made, from before any training, would turn at `UNTRAINED`.
"""

from pathlib import Path

import torch

from pamiq_ros.core import Agent, SequentialBuffer, System, TorchTrainingModel, Trainer
from pamiq_ros.core.devices import ImageTopic, TwistTopic
from pamiq_ros.core.state import load_json, save_json

TURN = 2.0**-13
UNTRAINED = 0.75
SPEED = 0.3
CAPACITY = 50_000


class CountingAgent(Agent):
    """Numbers its steps, from 1 on."""

    def __init__(self) -> None:
        super().__init__()
        self.number = 0

    def on_inference_models_attached(self) -> None:
        self.model = self.get_inference_model("policy")

    def on_data_collectors_attached(self) -> None:
        self.collector = self.get_data_collector("steps")

    def step(self, observation: torch.Tensor) -> list[float]:
        self.number += 1
        self.collector.collect({"number": self.number})
        return [SPEED, float(self.model(torch.zeros(1)))]

    def save_state(self, path: Path) -> None:
        super().save_state(path)
        save_json(path, self.number)

    def load_state(self, path: Path) -> None:
        super().load_state(path)
        self.number = load_json(path)


class CountingTrainer(Trainer):
    """Adds `TURN` to the bias at each update; the first is after the first batch of steps."""

    def __init__(self) -> None:
        super().__init__("steps", min_buffer_size=1, min_new_data_count=1)

    def on_training_models_attached(self) -> None:
        self.bias = self.get_training_model("policy").model.bias
        torch.nn.init.zeros_(self.bias)

    @torch.no_grad()
    def train(self) -> None:
        self.bias += TURN


def policy() -> TorchTrainingModel[torch.nn.Linear]:
    """The model: its output is its bias."""
    linear = torch.nn.Linear(1, 1)
    torch.nn.init.constant_(linear.bias, UNTRAINED)
    return TorchTrainingModel(linear)


def steps() -> SequentialBuffer[dict[str, int]]:
    """The buffer, which is never full."""
    return SequentialBuffer(CAPACITY, example={"number": 0})


def system() -> System:
    """The system."""
    return System(
        agent=CountingAgent,
        sensors=lambda: ImageTopic("camera/image_raw", height=16, width=16),
        actuators=lambda: TwistTopic("cmd_vel"),
        models={"policy": policy},
        buffers={"steps": steps},
        trainers={"counting": CountingTrainer},
        rate=50.0,
    )
