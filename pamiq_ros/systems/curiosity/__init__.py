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

"""curiosity: a robot that explores where its predictions are wrong.

Three things learn at once: an encoder compresses camera images, forward dynamics predict the next
encoding, and a policy is rewarded for prediction errors (Schmidhuber 1991, "A possibility for
implementing curiosity and boredom in model-building neural controllers"; Pathak et al. 2017,
arXiv:1705.05363; Burda et al. 2019, arXiv:1808.04355).

Read it in the order `agent.py`, `dynamics.py`, `dynamics_trainer.py`, `jepa.py`. The encoder `conv`
is that of `vae`; the policy and its trainer are those of `ppo`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from pamiq_ros.core import (
    Evaluator,
    FloatArrayTopic,
    ImageTopic,
    RandomReplacementBuffer,
    SequentialBuffer,
    System,
    Trainer,
    TwistTopic,
)
from pamiq_ros.core.checks import check_choices, check_devices, check_ranges
from pamiq_ros.core.config import renamed
from pamiq_ros.systems.ppo.distributions import ActionDistribution, Gaussian, MultiDiscrete
from pamiq_ros.systems.ppo.rollout import SIZE as OUTCOME_SIZE
from pamiq_ros.systems.ppo.trainer import OLD_NAMES, PPOSettings, PPOTrainer
from pamiq_ros.systems.vae.trainer import ImageTraining, ReconstructionEvaluator, VAETrainer

from .agent import CAMERA, OUTCOME, CuriosityAgent
from .dynamics import KINDS
from .dynamics_trainer import DynamicsTrainer, PredictionEvaluator
from .jepa import JEPATrainer
from .models import SIZES, Size, dynamics_of, encoder_models, mind_models

ENCODERS = ("conv", "patches")


@renamed(**OLD_NAMES)
def system(
    *,
    size: str = "tiny",
    encoder: str = "conv",
    dynamics: str = "mingru",
    horizon: int = 3,
    camera_topic: str = "camera/image_raw",
    compressed: bool = False,
    command_topic: str = "cmd_vel",
    outcome_topic: str = "",
    rate: float = 10.0,
    min_speed: float = -0.1,
    max_speed: float = 0.3,
    max_turn: float = 0.6,
    action_bins: tuple[int, ...] = (),
    squash: str = "tanh",
    log_std: float = -0.5,
    curiosity_weight: float = 1.0,
    reward_weight: float = 0.0,
    greedy: bool = False,
    encoder_learning_rate: float = 1e-3,
    beta: float = 0.05,
    dynamics_learning_rate: float = 1e-3,
    updates_per_run: int = 2,
    min_buffer_size: int = 64,
    buffer_size: int = 4096,
    policy_learning_rate: float = 3e-4,
    n_steps: int = 256,
    n_epochs: int = 4,
    batch_size: int = 64,
    gamma: float = 0.98,
    gae_lambda: float = 0.95,
    clip_range: float = 0.2,
    ent_coef: float = 0.003,
    seed: int = 0,
) -> System:
    """Build the system.

    Args:
        size: Size of the networks: tiny, small, medium or large.
        encoder: `conv` learns by reconstructing images, `patches` by predicting hidden patches.
        dynamics: `mingru` is recurrent, `mlp` is not.
        horizon: Ticks ahead that the agent predicts, 1 to 100.
        camera_topic: Topic of the camera images.
        compressed: Whether to receive `<camera_topic>/compressed` instead.
        command_topic: Topic of the velocity commands.
        outcome_topic: Topic of a simulated world's rewards and ends of episodes; empty: none.
        rate: Ticks per second in Hz, up to 1000.
        min_speed: Slowest linear.x in m/s, -10 to 10; below zero is backwards (or the brake).
        max_speed: Fastest linear.x in m/s, above `min_speed`, to 10.
        max_turn: Largest angular.z to either side in rad/s, above 0, to 10.
        action_bins: Number of speeds and of turns to choose from; empty: continuous actions.
        squash: What keeps continuous actions within the limits: tanh or clip.
        log_std: Initial log standard deviation of continuous actions, -5 to 2.
        curiosity_weight: Weight of the prediction error in the reward, 0 to 1e6.
        reward_weight: Weight of the world's own reward, 0 to 1e6; needs `outcome_topic`.
        greedy: Whether to take the most likely action instead of sampling: to evaluate, not to
            learn.
        encoder_learning_rate: Above 0, up to 1.
        beta: Weight of the KL divergence of the latents in the loss of `conv`, 0 to 1000.
        dynamics_learning_rate: Above 0, up to 1.
        updates_per_run: Updates of encoder and dynamics between two weights versions, 1 to 1000.
        min_buffer_size: Ticks to wait for before the first update, 2 to `buffer_size`.
        buffer_size: Images in the encoder's buffer, and newest ticks in the dynamics' buffer, 64 to
            10 million.
        policy_learning_rate: Above 0, up to 1.
        n_steps: Ticks in a rollout of the policy, 2 to 1 million.
        n_epochs: Passes over a rollout, 1 to 1000.
        batch_size: Ticks per update of the policy, 2 to 1 million.
        gamma: Discount factor per tick, 0 to 1.
        gae_lambda: Lambda of generalized advantage estimation, 0 to 1.
        clip_range: Clipping of the probability ratio, as a ratio less 1, 0.001 to 10.
        ent_coef: Weight of the entropy, 0 to 100.
        seed: Seed of the first weights and of all sampling in training, 0 to 2**31 - 1.

    Raises:
        ValueError: A value is out of its range; says which, what was expected and what was found.
    """
    settings = CuriositySettings(**locals())
    sensors = settings.sensors()
    wheels = partial(TwistTopic, command_topic, axes=("linear.x", "angular.z"))
    check_devices(
        camera_topic=sensors[CAMERA],
        command_topic=wheels,
        outcome_topic=sensors.get(OUTCOME, sensors[CAMERA]),
    )
    distribution = settings.distribution
    return System(
        agent=settings.agent,
        sensors=sensors,
        actuators=wheels,
        models={
            **encoder_models(encoder, settings.sizes, seed),
            **mind_models(dynamics, settings.sizes, distribution, log_std, seed),
        },
        buffers={
            "frames": settings.frames,
            "experience": lambda: SequentialBuffer(buffer_size),
            # Twice the rollout: steps that arrive during its training wait for the next round.
            "rollout": lambda: SequentialBuffer(2 * n_steps + 1),
        },
        trainers={
            "encoder": settings.encoder_trainer,
            "dynamics": settings.dynamics_trainer,
            "policy": settings.policy_trainer,
        },
        evaluators=settings.evaluators(),
        rate=rate,
    )


@dataclass(frozen=True)
class CuriositySettings:
    """The parameters of `system`, checked, and what is built from them.

    Raises:
        ValueError: A value is out of its range.
    """

    size: str
    encoder: str
    dynamics: str
    horizon: int
    camera_topic: str
    compressed: bool
    command_topic: str
    outcome_topic: str
    rate: float
    min_speed: float
    max_speed: float
    max_turn: float
    action_bins: tuple[int, ...]
    squash: str
    log_std: float
    curiosity_weight: float
    reward_weight: float
    greedy: bool
    encoder_learning_rate: float
    beta: float
    dynamics_learning_rate: float
    updates_per_run: int
    min_buffer_size: int
    buffer_size: int
    policy_learning_rate: float
    n_steps: int
    n_epochs: int
    batch_size: int
    gamma: float
    gae_lambda: float
    clip_range: float
    ent_coef: float
    seed: int

    def __post_init__(self) -> None:
        check_choices(
            size=(self.size, tuple(SIZES)),
            encoder=(self.encoder, ENCODERS),
            dynamics=(self.dynamics, KINDS),
        )
        check_ranges(
            horizon=(self.horizon, 1, 100),
            rate=(self.rate, 0.001, 1000.0),
            min_speed=(self.min_speed, -10.0, 10.0),
            max_speed=(self.max_speed, self.min_speed + 1e-6, 10.0),
            max_turn=(self.max_turn, 1e-6, 10.0),
            log_std=(self.log_std, -5.0, 2.0),
            curiosity_weight=(self.curiosity_weight, 0.0, 1e6),
            reward_weight=(self.reward_weight, 0.0, 1e6 if self.outcome_topic else 0.0),
            encoder_learning_rate=(self.encoder_learning_rate, 1e-9, 1.0),
            beta=(self.beta, 0.0, 1000.0),
            dynamics_learning_rate=(self.dynamics_learning_rate, 1e-9, 1.0),
            updates_per_run=(self.updates_per_run, 1, 1000),
            buffer_size=(self.buffer_size, 64, 10_000_000),
            min_buffer_size=(self.min_buffer_size, 2, self.buffer_size),
            policy_learning_rate=(self.policy_learning_rate, 1e-9, 1.0),
            n_steps=(self.n_steps, 2, 1_000_000),
            n_epochs=(self.n_epochs, 1, 1000),
            batch_size=(self.batch_size, 2, 1_000_000),
            gamma=(self.gamma, 0.0, 1.0),
            gae_lambda=(self.gae_lambda, 0.0, 1.0),
            clip_range=(self.clip_range, 0.001, 10.0),
            ent_coef=(self.ent_coef, 0.0, 100.0),
            seed=(self.seed, 0, 2**31 - 1),
        )
        if self.action_bins and len(self.action_bins) != 2:
            raise ValueError(
                f"action_bins: expected two numbers, of speeds and turns, found {self.action_bins}"
            )

    @property
    def sizes(self) -> Size:
        """The sizes of the networks."""
        return SIZES[self.size]

    @property
    def distribution(self) -> ActionDistribution:
        """The distribution of the actions."""
        return MultiDiscrete(self.action_bins) if self.action_bins else Gaussian(2, self.squash)

    def sensors(self) -> dict[str, Callable[[], Any]]:
        """Return factories of the sensors."""
        side = self.sizes.side
        camera = partial(ImageTopic, self.camera_topic, side, side, compressed=self.compressed)
        if not self.outcome_topic:
            return {CAMERA: camera}
        return {CAMERA: camera, OUTCOME: partial(FloatArrayTopic, self.outcome_topic, OUTCOME_SIZE)}

    def agent(self) -> CuriosityAgent:
        """Build the agent."""
        distribution = self.distribution
        return CuriosityAgent(
            distribution,
            (
                torch.tensor([self.min_speed, -self.max_turn]),
                torch.tensor([self.max_speed, self.max_turn]),
            ),
            dynamics_of(self.dynamics, self.sizes, distribution.size).state_shape,
            self.horizon,
            self.curiosity_weight,
            self.reward_weight,
            self.greedy,
        )

    def frames(self) -> RandomReplacementBuffer[torch.Tensor]:
        """Build the buffer of images."""
        example = torch.zeros(3, self.sizes.side, self.sizes.side, dtype=torch.uint8)
        return RandomReplacementBuffer(self.buffer_size, example=example)

    def encoder_trainer(self) -> Trainer:
        """Build the trainer of the encoder."""
        training = ImageTraining(
            self.encoder_learning_rate,
            self.sizes.images,
            self.min_buffer_size,
            self.updates_per_run,
            self.seed,
        )
        if self.encoder == "conv":
            return VAETrainer(training, self.beta)
        return JEPATrainer(training)

    def dynamics_trainer(self) -> DynamicsTrainer:
        """Build the trainer of the forward dynamics."""
        return DynamicsTrainer(
            learning_rate=self.dynamics_learning_rate,
            sequences=self.sizes.sequences,
            length=self.sizes.length,
            min_buffer_size=self.min_buffer_size,
            updates_per_run=self.updates_per_run,
            seed=self.seed,
        )

    def policy_trainer(self) -> PPOTrainer:
        """Build the trainer of the policy."""
        settings = PPOSettings(
            n_steps=self.n_steps,
            n_epochs=self.n_epochs,
            batch_size=self.batch_size,
            learning_rate=self.policy_learning_rate,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            clip_range=self.clip_range,
            ent_coef=self.ent_coef,
            scale_rewards=True,
        )
        return PPOTrainer(self.distribution, settings, self.seed)

    def evaluators(self) -> dict[str, Callable[[], Evaluator]]:
        """Return factories of the evaluators; without a decoder no images are compared."""
        has_decoder = self.encoder == "conv"
        found: dict[str, Callable[[], Evaluator]] = {
            "prediction": partial(PredictionEvaluator, has_decoder)
        }
        return {**found, "reconstruction": ReconstructionEvaluator} if has_decoder else found
