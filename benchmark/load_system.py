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

"""A system that keeps both nodes busy: a large multilayer perceptron that acts and is trained.

Its environment makes up the observations, so that no world and no camera takes part.
"""

from __future__ import annotations

import itertools
import math
import time

import torch
from torch import Tensor, nn

from pamiq_ros.core import (
    Agent,
    Environment,
    SequentialBuffer,
    System,
    TorchTrainer,
    TorchTrainingModel,
)

OBSERVATION, ACTION = 64, 8
CAPACITY = 20_000
Step = dict[str, Tensor]


def perceptron(params: float) -> nn.Sequential:
    """Three hidden layers as wide as makes about `params` parameters."""
    ends = OBSERVATION + ACTION + 3
    width = round((math.sqrt(ends**2 + 8 * params) - ends) / 4)
    sizes = (OBSERVATION, width, width, width, ACTION)
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Noise(Environment[Tensor, Tensor]):
    """Observations are random numbers, drawn beforehand; actions go nowhere."""

    def __init__(self) -> None:
        self._observations = itertools.cycle(torch.randn(1024, OBSERVATION))

    def observe(self) -> Tensor:
        """The next observation, float32 [64]."""
        return next(self._observations)

    def affect(self, action: Tensor) -> None:
        """Take an action, float32 [8]."""


class LoadAgent(Agent[Tensor, Tensor]):
    """Acts with the model that is being trained, and collects every step."""

    def on_inference_models_attached(self) -> None:
        """Get the model."""
        self.model = self.get_inference_model("policy")

    def on_data_collectors_attached(self) -> None:
        """Get the collector."""
        self.collector = self.get_data_collector("steps")

    def step(self, observation: Tensor) -> Tensor:
        """One pass through the model."""
        action: Tensor = self.model(observation)
        self.collector.collect({"observation": observation, "action": action})
        return action


class LoadTrainer(TorchTrainer):
    """Adam on batches from the buffer, without a pause; the weights are synced after each run.

    The scalars `runs` and `clock_s`, recorded when a run begins, give the throughput.
    """

    def __init__(self, batch: int, steps: int, run_s: float) -> None:
        super().__init__()
        self.batch, self.steps, self.run_s, self.runs = batch, steps, run_s, 0

    def on_training_models_attached(self) -> None:
        """Get the model."""
        self.policy = self.get_torch_training_model("policy").model

    def on_data_users_attached(self) -> None:
        """Get the buffer."""
        self.data = self.get_data_user("steps")

    def create_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Adam."""
        return {"policy": torch.optim.Adam(self.policy.parameters(), lr=1e-4)}

    def train(self) -> None:
        """Some steps, at least `run_s` long: towards the mean of each observation's numbers."""
        began = time.monotonic()
        self.recorder.scalar("runs", self.runs)
        self.recorder.scalar("clock_s", began)
        self.runs += 1
        for step in itertools.count():
            if step >= self.steps and time.monotonic() - began >= self.run_s:
                return
            observations = self.data.sample(self.batch)["observation"]
            wanted = observations.mean(1, keepdim=True)
            loss = (self.policy(observations) - wanted).square().mean()
            self.optimizers["policy"].zero_grad()
            loss.backward()
            self.optimizers["policy"].step()


def full_buffer() -> SequentialBuffer[Step]:
    """A buffer that is full from the start, so that training is at full load at once."""
    example = {"observation": torch.zeros(OBSERVATION), "action": torch.zeros(ACTION)}
    buffer: SequentialBuffer[Step] = SequentialBuffer(CAPACITY, example=example)
    for observation in torch.randn(CAPACITY, OBSERVATION):
        buffer.add({"observation": observation, "action": torch.zeros(ACTION)})
    return buffer


def system(
    params: float = 8.7e6,
    batch: int = 256,
    steps_per_sync: int = 10,
    run_s: float = 0.0,
    rate: float = 50.0,
) -> System:
    """The system.

    Args:
        params: About how many parameters the model has.
        batch: Steps in a training batch.
        steps_per_sync: Training steps between two syncs of the weights.
        run_s: Least time between two syncs in s; more steps are done until it is over.
        rate: Ticks per second in Hz.
    """
    return System(
        agent=LoadAgent,
        environment=Noise,
        models={"policy": lambda: TorchTrainingModel(perceptron(params))},
        buffers={"steps": full_buffer},
        trainers={"policy": lambda: LoadTrainer(batch, steps_per_sync, run_s)},
        rate=rate,
    )
