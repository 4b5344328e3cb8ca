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

"""A system small enough for tests: a picture in, a constant drive out, one weight that grows."""

import math
import os
import signal
import time
from pathlib import Path

import torch

from pamiq_ros.core import Agent, SequentialBuffer, System, TorchTrainer, TorchTrainingModel
from pamiq_ros.core.devices import ImageTopic, TwistTopic

BLACK, WHITE = 0, 255
"""Shades of pictures that are too much for the agent: it acts without sense, or raises."""


class TinyAgent(Agent):
    """Drives at `speed`, turns at what the model says of the picture's brightness.

    While there is the file `hang` and it is empty it waits, and would then drive at 0.9 m/s. If the
    file says `freeze` the whole process stops at the step after.
    """

    def __init__(self, speed: float, hang: str) -> None:
        super().__init__()
        self.speed, self.hang = speed, Path(hang)

    def on_inference_models_attached(self) -> None:
        self.model = self.get_inference_model("policy")

    def on_data_collectors_attached(self) -> None:
        self.collector = self.get_data_collector("pictures")

    def step(self, observation: torch.Tensor) -> list[float]:
        shade = observation.float().mean().reshape(1)
        if shade == WHITE:
            raise RuntimeError("the agent's own fault")
        turn = float(self.model(shade / 255).clamp(-0.5, 0.5))
        self.collector.collect({"picture": observation, "turn": turn})
        if self.hang.is_file():
            return [self.be_slow(), turn]
        return [math.nan if shade == BLACK else self.speed, turn]

    def be_slow(self) -> float:
        """Hang or freeze; gives a speed."""
        if not self.hang.stat().st_size:
            while self.hang.is_file():
                time.sleep(0.01)
            return 0.9
        if self.hang.read_text() == "freeze":
            self.hang.write_text("now")
        else:
            self.hang.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)
        return self.speed


class TinyTrainer(TorchTrainer):
    """Moves the bias by a constant at each update, so that every version is another.

    While there is the file `fault` it raises, spoils the weights, or takes 6 s once, as the file
    says: `raise`, `nan` or `slow`.
    """

    def __init__(self, fault: str) -> None:
        super().__init__("pictures", min_buffer_size=2, min_new_data_count=1)
        self.fault = Path(fault)

    def on_training_models_attached(self) -> None:
        self.model = self.get_torch_training_model("policy")

    def create_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"policy": torch.optim.SGD(self.model.model.parameters(), lr=1e-3)}

    def train(self) -> None:
        pictures = self.get_data_user("pictures").sample(2)["picture"]
        if self.fault.is_file():
            pictures = self.go_wrong(self.fault.read_text(), pictures)
        loss = self.model(pictures.float().mean((1, 2, 3)).reshape(-1, 1) / 255).square().mean()
        self.optimizers["policy"].zero_grad()
        loss.backward()
        self.optimizers["policy"].step()
        self.recorder.scalar("loss", loss.item())

    def go_wrong(self, how: str, pictures: torch.Tensor) -> torch.Tensor:
        """Have the fault `how`; gives the pictures to train with."""
        if how == "raise":
            raise RuntimeError("the trainer's own fault")
        if how == "slow":
            self.fault.unlink()
            time.sleep(6.0)
            return pictures
        return pictures * math.nan


def system(
    speed: float = 0.3, size: int = 16, capacity: int = 64, hang: str = "", fault: str = ""
) -> System:
    """The system."""
    picture = {"picture": torch.zeros(3, size, size, dtype=torch.uint8), "turn": 0.0}
    return System(
        agent=lambda: TinyAgent(speed, hang),
        sensors=lambda: ImageTopic("camera/image_raw", height=size, width=size),
        actuators=lambda: TwistTopic("cmd_vel"),
        models={"policy": lambda: TorchTrainingModel(torch.nn.Linear(1, 1))},
        buffers={"pictures": lambda: SequentialBuffer(capacity, example=picture)},
        trainers={"policy": lambda: TinyTrainer(fault)},
        rate=20.0,
    )
