"""vae: a robot drives at random while a variational autoencoder learns what its camera sees.

Read it in the order observation, action, learning: `agent.py` (with `random_walk.py`),
`networks.py`, `trainer.py`; the function below puts them together.
"""

from __future__ import annotations

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
from .checks import check_sizes
from .evaluator import ReconstructionEvaluator
from .networks import Decoder, Encoder
from .trainer import VAETrainer

Sizes = tuple[int, int, tuple[int, ...], int]


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
    """Make the system.

    Args:
        camera_topic: Where the pictures come from.
        compressed: Whether to receive `<camera_topic>/compressed` instead.
        command_topic: Where the velocities go.
        rate: Ticks per second in Hz, up to 1000. The random walk counts its time in these ticks.
        height: Rows that pictures are resized to, 8 to 512, a multiple of 2 ** len(channels).
        width: Columns that pictures are resized to, likewise.
        min_speed: Slowest linear.x in m/s, -10 to 10; below zero is backwards (or the brake).
        max_speed: Fastest linear.x in m/s, `min_speed` to 10.
        max_turn: Largest angular.z to either side in rad/s, 0 to 10.
        correlation_time: How long a velocity lasts in s, 0.01 to 1000; longer is smoother.
        channels: Feature maps after each stage of the encoder: 1 to 8 stages, 1 to 1024 maps.
        latent_size: Numbers that describe a picture, 1 to 4096.
        learning_rate: Of Adam, above 0, up to 1.
        beta: Weight of the latents' divergence against the squared error, 0 to 1000.
        batch_size: Pictures in an update, 1 to 4096.
        buffer_size: Pictures that are remembered, 1 to 10 million; they are of all ages.
        min_buffer_size: Pictures to wait for before the first update, 1 to `buffer_size`.
        updates_per_run: Updates between two weights versions, 1 to 1000; a pause waits for them.
        seed: Of every random number: first weights, walk, pictures drawn and noise; 0 to 2**31 - 1.

    Raises:
        ValueError: A value is out of its range; says which, what was expected and what was found.
    """
    check_ranges(
        rate=(rate, 0.001, 1000.0),
        min_speed=(min_speed, -10.0, 10.0),
        max_speed=(max_speed, min_speed, 10.0),
        max_turn=(max_turn, 0.0, 10.0),
        correlation_time=(correlation_time, 0.01, 1000.0),
        latent_size=(latent_size, 1, 4096),
        learning_rate=(learning_rate, 1e-9, 1.0),
        beta=(beta, 0.0, 1000.0),
        batch_size=(batch_size, 1, 4096),
        buffer_size=(buffer_size, 1, 10_000_000),
        min_buffer_size=(min_buffer_size, 1, buffer_size),
        updates_per_run=(updates_per_run, 1, 1000),
        seed=(seed, 0, 2**31 - 1),
    )
    check_sizes(height, width, channels)
    camera = partial(ImageTopic, camera_topic, height, width, compressed=compressed)
    wheels = partial(TwistTopic, command_topic, axes=("linear.x", "angular.z"))
    check_devices(camera_topic=camera, command_topic=wheels)

    low, high = (min_speed, -max_turn), (max_speed, max_turn)
    walk = partial(SmoothRandomWalk, low, high, correlation_time, 1.0 / rate, seed)
    sizes = (height, width, channels, latent_size)
    frame = torch.zeros(3, height, width, dtype=torch.uint8)
    return System(
        agent=lambda: ExplorationAgent(walk()),
        sensors=camera,
        actuators=wheels,
        models={
            "encoder": lambda: _encoder(seed, sizes),
            "decoder": lambda: _decoder(seed, sizes),
        },
        buffers={"frames": lambda: RandomReplacementBuffer(buffer_size, example=frame)},
        trainers={
            "vae": lambda: VAETrainer(
                learning_rate=learning_rate,
                beta=beta,
                batch_size=batch_size,
                min_buffer_size=min_buffer_size,
                updates_per_run=updates_per_run,
                seed=seed,
            )
        },
        evaluators={"reconstruction": ReconstructionEvaluator},
        rate=rate,
    )


def _encoder(seed: int, sizes: Sizes) -> TorchTrainingModel[Encoder]:
    encoder = seeded(seed, lambda: Encoder(*sizes))
    return TorchTrainingModel(encoder, inference_procedure="latent")


def _decoder(seed: int, sizes: Sizes) -> TorchTrainingModel[Decoder]:
    decoder = seeded(seed, lambda: Decoder(*sizes))
    return TorchTrainingModel(decoder, has_inference_model=False)
