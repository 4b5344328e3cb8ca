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

"""Fixtures: pictures without a camera, and a whole system in one process without ROS."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

import pytest
import torch
from torch import Tensor

from pamiq_ros.core import (
    DataUsersDict,
    Recorder,
    System,
    TrainersDict,
    TrainingModelsDict,
    attach_robot,
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums come out the same, and other tests' cores are left alone."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def road_pictures(count: int, height: int = 96, width: int = 96) -> Tensor:
    """A grey road that wanders over green ground, uint8 [count, 3, height, width]."""
    columns = torch.arange(width)
    middles = width * (0.5 + 0.3 * torch.sin(torch.linspace(0, 12, count)))
    road = (columns[None] - middles[:, None]).abs() < width / 8
    ground = torch.tensor([100, 200, 100], dtype=torch.uint8).reshape(1, 3, 1, 1)
    picture = torch.where(road[:, None, None], torch.tensor(105, dtype=torch.uint8), ground)
    return picture.expand(count, 3, height, width).contiguous()


class Recording(Recorder):
    """Keeps everything."""

    def __init__(self) -> None:
        self.scalars: dict[str, list[float]] = defaultdict(list)
        self.images: dict[str, Tensor] = {}

    def scalar(self, name: str, value: float) -> None:
        self.scalars[name].append(value)

    def image(self, name: str, make: Callable[[], Tensor]) -> None:
        self.images[name] = make()


class Reel:
    """A robot whose camera shows a reel of pictures, again and again."""

    def __init__(self, pictures: Tensor) -> None:
        self.pictures = pictures
        self.shown = 0
        self.commands: list[list[float]] = []

    def open_sensor(self, sensor: object) -> Reel:
        return self

    def open_actuator(self, actuator: object) -> Reel:
        return self

    def read(self) -> Tensor:
        self.shown += 1
        return self.pictures[(self.shown - 1) % len(self.pictures)].clone()

    def write(self, values: Sequence[float]) -> None:
        self.commands.append(list(values))

    def close(self) -> None:
        """Nothing is held."""


class OneProcess:
    """A system's agent and trainers on one `Reel`, without nodes."""

    def __init__(self, system: System, pictures: Tensor) -> None:
        self.robot = Reel(pictures)
        self.recording = Recording()
        self.models = TrainingModelsDict(system.build_models())
        self.users = DataUsersDict.from_data_buffers(system.build_buffers())
        self.trainers = TrainersDict(system.build_trainers())
        self.trainers.attach_training_models(self.models)
        self.trainers.attach_data_users(self.users)
        for trainer in self.trainers.values():
            trainer.attach_recorder(self.recording)
        self.agent = system.agent()
        self.agent.attach_inference_models(self.models.inference_models_dict)
        self.agent.attach_data_collectors(self.users.data_collectors_dict)
        self.environment = system.build_environment()
        attach_robot(self.robot)
        self.environment.setup()

    def tick(self, count: int) -> None:
        """Let the agent act `count` times."""
        for _ in range(count):
            self.environment.affect(self.agent.step(self.environment.observe()))

    def train(self, count: int) -> list[bool]:
        """Run all trainers `count` times; whether each run trained."""
        return [trainer.run() for _ in range(count) for trainer in self.trainers.values()]

    def fell(self, metric: str) -> float:
        """The metric's last fifth in relation to its first."""
        values = torch.tensor(self.recording.scalars[metric])
        fifth = len(values) // 5
        return float(values[-fifth:].mean() / values[:fifth].mean())


@pytest.fixture
def pictures() -> Callable[..., Tensor]:
    """Makes pictures of a road."""
    return road_pictures


@pytest.fixture
def one_process() -> Iterator[Callable[..., OneProcess]]:
    """Puts a system into this process; the robot is let go of afterwards."""
    torch.manual_seed(0)
    yield OneProcess
    attach_robot(None)
