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

"""A small system for CartPole whose trainer changes the weights in each round."""

import time

import torch
from torch import nn

from pamiq_ros import core


class PoleAgent(core.Agent):
    """Collects observations, outcomes and actions."""

    def __init__(self):
        super().__init__()
        self.random = torch.Generator().manual_seed(0)

    def on_inference_models_attached(self):
        self.model = self.get_inference_model("policy")

    def on_data_collectors_attached(self):
        self.collector = self.get_data_collector("steps")

    def step(self, observation):
        push = self.model(observation["state"]) + torch.randn(1, generator=self.random)
        self.collector.collect({**observation, "push": push})
        return push.sign()


class PoleTrainer(core.TorchTrainer):
    """Changes the model in each run, after a delay."""

    def __init__(self, delay):
        super().__init__("steps", 8)
        self.delay = delay
        self.random = torch.Generator().manual_seed(1)

    def create_optimizers(self):
        self.model = self.get_torch_training_model("policy")
        return {"sgd": torch.optim.SGD(self.model.model.parameters(), lr=0.01)}

    def train(self):
        time.sleep(self.delay)
        states = self.get_data_user("steps").sample(8, self.random)["state"]
        self.optimizers["sgd"].zero_grad()
        (self.model(states) - 0.1).square().mean().backward()
        self.optimizers["sgd"].step()


def system(*, delay: float = 0.0):
    """The system."""
    return core.System(
        agent=PoleAgent,
        sensors={
            "state": lambda: core.FloatArrayTopic("observation", 4),
            "outcome": lambda: core.FloatArrayTopic("outcome", 5),
        },
        actuators=lambda: core.FloatArrayCommandTopic("action", 1),
        models={"policy": lambda: core.TorchTrainingModel(nn.Linear(4, 1))},
        buffers={"steps": lambda: core.SequentialBuffer(1000)},
        trainers={"trainer": lambda: PoleTrainer(delay)},
        rate=50.0,
    )
