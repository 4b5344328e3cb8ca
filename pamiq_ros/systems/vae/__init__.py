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

"""vae: a robot drives at random while a variational autoencoder learns what its camera sees.

Read it in the order observation, action, learning: `agent.py` (with its random walk),
`networks.py`, `trainer.py`. The function below builds the system from them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from pamiq_ros.core import (
    ImageTopic,
    RandomReplacementBuffer,
    System,
    TorchTrainingModel,
    TwistTopic,
)
from pamiq_ros.core.checks import check_devices, check_ranges
from pamiq_ros.core.seeding import seeded

from .agent import ExplorationAgent, SmoothRandomWalk
from .networks import Decoder, Encoder, check_sizes
from .trainer import ImageTraining, ReconstructionEvaluator, VAETrainer


def system(
    *,
    camera_topic: str = "camera/image_raw",
    compressed: bool = False,
    command_topic: str = "cmd_vel",
    rate: float = 10.0,
    height: int = 96,
    width: int = 96,
    min_speed: float = -0.1,
    max_speed: float = 0.3,
    max_turn: float = 0.6,
    correlation_time: float = 1.0,
    channels: tuple[int, ...] = (16, 32, 64, 64),
    latent_size: int = 64,
    learning_rate: float = 1e-3,
    beta: float = 0.05,
    batch_size: int = 16,
    buffer_size: int = 4096,
    min_buffer_size: int = 32,
    updates_per_run: int = 3,
    seed: int = 0,
) -> System:
    """Build the system.

    Args:
        camera_topic: Topic of the camera images.
        compressed: Whether to receive `<camera_topic>/compressed` instead.
        command_topic: Topic of the velocity commands.
        rate: Ticks per second in Hz, up to 1000. The random walk counts its time in these ticks.
        height: Rows that images are resized to, 8 to 512, a multiple of 2 ** len(channels).
        width: Columns that images are resized to, likewise.
        min_speed: Slowest linear.x in m/s, -10 to 10; below zero is backwards (or the brake).
        max_speed: Fastest linear.x in m/s, `min_speed` to 10.
        max_turn: Largest angular.z to either side in rad/s, 0 to 10.
        correlation_time: Correlation time of the velocities in s, 0.01 to 1000; longer is smoother.
        channels: Feature maps after each stage of the encoder: 1 to 8 stages, 1 to 1024 maps.
        latent_size: Size of the latent vector of an image, 1 to 4096.
        learning_rate: Learning rate of Adam, above 0, up to 1.
        beta: Weight of the KL divergence of the latents against the squared error, 0 to 1000.
        batch_size: Images per update, 1 to 4096.
        buffer_size: Images in the buffer, of all ages, 1 to 10 million.
        min_buffer_size: Images to wait for before the first update, 1 to `buffer_size`.
        updates_per_run: Updates between two weights versions, 1 to 1000; a pause waits for them.
        seed: Seed of all random numbers: first weights, random walk, sampled images and noise; 0 to
            2**31 - 1.

    Raises:
        ValueError: A value is out of its range; says which, what was expected and what was found.
    """
    settings = VAESettings(**locals())
    camera = partial(ImageTopic, camera_topic, height, width, compressed=compressed)
    wheels = partial(TwistTopic, command_topic, axes=("linear.x", "angular.z"))
    check_devices(camera_topic=camera, command_topic=wheels)
    return System(
        agent=settings.agent,
        sensors=camera,
        actuators=wheels,
        models={"encoder": settings.encoder, "decoder": settings.decoder},
        buffers={"frames": settings.frames},
        trainers={"vae": settings.trainer},
        evaluators={"reconstruction": ReconstructionEvaluator},
        rate=rate,
    )


@dataclass(frozen=True)
class VAESettings:
    """The parameters of `system`, checked, and what is built from them.

    Raises:
        ValueError: A value is out of its range.
    """

    camera_topic: str
    compressed: bool
    command_topic: str
    rate: float
    height: int
    width: int
    min_speed: float
    max_speed: float
    max_turn: float
    correlation_time: float
    channels: tuple[int, ...]
    latent_size: int
    learning_rate: float
    beta: float
    batch_size: int
    buffer_size: int
    min_buffer_size: int
    updates_per_run: int
    seed: int

    def __post_init__(self) -> None:
        check_ranges(
            rate=(self.rate, 0.001, 1000.0),
            min_speed=(self.min_speed, -10.0, 10.0),
            max_speed=(self.max_speed, self.min_speed, 10.0),
            max_turn=(self.max_turn, 0.0, 10.0),
            correlation_time=(self.correlation_time, 0.01, 1000.0),
            latent_size=(self.latent_size, 1, 4096),
            learning_rate=(self.learning_rate, 1e-9, 1.0),
            beta=(self.beta, 0.0, 1000.0),
            batch_size=(self.batch_size, 1, 4096),
            buffer_size=(self.buffer_size, 1, 10_000_000),
            min_buffer_size=(self.min_buffer_size, 1, self.buffer_size),
            updates_per_run=(self.updates_per_run, 1, 1000),
            seed=(self.seed, 0, 2**31 - 1),
        )
        check_sizes(self.height, self.width, self.channels)

    def agent(self) -> ExplorationAgent:
        """Build the agent."""
        low, high = (self.min_speed, -self.max_turn), (self.max_speed, self.max_turn)
        period = 1.0 / self.rate
        return ExplorationAgent(
            SmoothRandomWalk(low, high, self.correlation_time, period, self.seed)
        )

    def encoder(self) -> TorchTrainingModel[Encoder]:
        """Build the encoder; the agent uses its `latent`."""
        sizes = self.height, self.width, self.channels, self.latent_size
        encoder = seeded(self.seed, partial(Encoder, *sizes))
        return TorchTrainingModel(encoder, inference_procedure="latent")

    def decoder(self) -> TorchTrainingModel[Decoder]:
        """Build the decoder, which only the trainer uses."""
        sizes = self.height, self.width, self.channels, self.latent_size
        decoder = seeded(self.seed, partial(Decoder, *sizes))
        return TorchTrainingModel(decoder, has_inference_model=False)

    def frames(self) -> RandomReplacementBuffer[torch.Tensor]:
        """Build the buffer of images."""
        example = torch.zeros(3, self.height, self.width, dtype=torch.uint8)
        return RandomReplacementBuffer(self.buffer_size, example=example)

    def trainer(self) -> VAETrainer:
        """Build the trainer."""
        training = ImageTraining(
            self.learning_rate,
            self.batch_size,
            self.min_buffer_size,
            self.updates_per_run,
            self.seed,
        )
        return VAETrainer(training, self.beta)
