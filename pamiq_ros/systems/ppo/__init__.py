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

"""ppo: learns from vectors and rewards of a world, by proximal policy optimisation.

Read it in the order `rollout.py` (what a tick records), `agent.py`, `distributions.py` and
`networks.py`, `trainer.py`; `system` below builds them. `curiosity` learns its policy with the same
parts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from pamiq_ros.core import (
    FloatArrayCommandTopic,
    FloatArrayTopic,
    SequentialBuffer,
    System,
    TorchTrainingModel,
)
from pamiq_ros.core.checks import check_devices, check_ranges
from pamiq_ros.core.config import renamed
from pamiq_ros.core.seeding import seeded

from .agent import PPOAgent
from .distributions import ActionDistribution, Gaussian, MultiDiscrete
from .networks import ActorCritic
from .rollout import SIZE as OUTCOME_SIZE
from .trainer import OLD_NAMES, PPOSettings, PPOTrainer


@renamed(**OLD_NAMES)
def system(
    *,
    observation_size: int = 4,
    observation_topic: str = "observation",
    outcome_topic: str = "outcome",
    action_topic: str = "action",
    action_bins: tuple[int, ...] = (2,),
    low: tuple[float, ...] = (),
    high: tuple[float, ...] = (),
    squash: str = "clip",
    log_std: float = 0.0,
    hidden: tuple[int, ...] = (64, 64),
    n_steps: int = 2048,
    n_epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 3e-4,
    anneal: int = 0,
    gamma: float = 0.99,
    gae_lambda: float = 0.95,
    clip_range: float = 0.2,
    ent_coef: float = 0.0,
    scale_rewards: bool = False,
    greedy: bool = False,
    rate: float = 50.0,
    seed: int = 0,
) -> System:
    """Build the system; the defaults are for CartPole-v1.

    Args:
        observation_size: Numbers in an observation, 1 to 100,000.
        observation_topic: Topic of the observations, a std_msgs/Float32MultiArray.
        outcome_topic: Topic of the world's rewards and ends of episodes, of the same type.
        action_topic: Topic of the actions' numbers, a std_msgs/Float64MultiArray.
        action_bins: How many values each number of an action can have; the number is then the
            value's index. Empty for continuous actions.
        low: Smallest value of each number of a continuous action.
        high: Largest value of each.
        squash: What keeps continuous actions within the limits: tanh or clip.
        log_std: Initial log standard deviation of continuous actions, -5 to 2.
        hidden: Sizes of the hidden layers of policy and critic, each 1 to 4096.
        n_steps: Ticks in a rollout, 2 to 1 million.
        n_epochs: Passes over a rollout, 1 to 1000.
        batch_size: Transitions per update, 2 to 1 million.
        learning_rate: Learning rate of Adam, above 0, up to 1.
        anneal: Rollouts after which the learning rate has decreased to 0; 0: it is constant.
        gamma: Discount factor per tick, 0 to 1.
        gae_lambda: Lambda of generalized advantage estimation, 0 to 1.
        clip_range: Clipping of the probability ratio, as a ratio less 1, 0.001 to 10.
        ent_coef: Weight of the entropy, 0 to 100.
        scale_rewards: Whether rewards are divided by the standard deviation of their discounted
            sums.
        greedy: Whether to take the most likely action instead of sampling: to evaluate, not to
            learn.
        rate: Ticks per second in Hz, up to 1000.
        seed: Seed of the first weights and of the order of transitions, 0 to 2**31 - 1.

    Raises:
        ValueError: A value is out of its range; says which, what was expected and what was found.
    """
    settings = PPOSystemSettings(**locals())
    sensors, actuator = settings.sensors(), settings.actuator()
    check_devices(
        observation_topic=sensors["state"],
        outcome_topic=sensors["outcome"],
        action_topic=actuator,
    )
    return System(
        agent=settings.agent,
        sensors=sensors,
        actuators=actuator,
        models={"policy": settings.policy},
        # Twice the rollout: steps that arrive during its training wait for the next round.
        buffers={"rollout": lambda: SequentialBuffer(2 * n_steps + 1)},
        trainers={"ppo": settings.trainer},
        rate=rate,
    )


@dataclass(frozen=True)
class PPOSystemSettings:
    """The parameters of `system`, checked, and what is built from them.

    Raises:
        ValueError: A value is out of its range.
    """

    observation_size: int
    observation_topic: str
    outcome_topic: str
    action_topic: str
    action_bins: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    squash: str
    log_std: float
    hidden: tuple[int, ...]
    n_steps: int
    n_epochs: int
    batch_size: int
    learning_rate: float
    anneal: int
    gamma: float
    gae_lambda: float
    clip_range: float
    ent_coef: float
    scale_rewards: bool
    greedy: bool
    rate: float
    seed: int

    def __post_init__(self) -> None:
        check_ranges(
            observation_size=(self.observation_size, 1, 100_000),
            log_std=(self.log_std, -5.0, 2.0),
            n_steps=(self.n_steps, 2, 1_000_000),
            n_epochs=(self.n_epochs, 1, 1000),
            batch_size=(self.batch_size, 2, 1_000_000),
            learning_rate=(self.learning_rate, 1e-9, 1.0),
            anneal=(self.anneal, 0, 1e9),
            gamma=(self.gamma, 0.0, 1.0),
            gae_lambda=(self.gae_lambda, 0.0, 1.0),
            clip_range=(self.clip_range, 0.001, 10.0),
            ent_coef=(self.ent_coef, 0.0, 100.0),
            rate=(self.rate, 0.001, 1000.0),
            seed=(self.seed, 0, 2**31 - 1),
            **{f"hidden[{layer}]": (size, 1, 4096) for layer, size in enumerate(self.hidden)},
        )
        self._check_actions()

    def _check_actions(self) -> None:
        low, high = self.low, self.high
        if self.action_bins:
            if low or high:
                raise ValueError(
                    f"low, high: expected none beside action_bins {list(self.action_bins)}, "
                    "found some"
                )
        elif (
            not low or len(low) != len(high) or any(a >= b for a, b in zip(low, high, strict=True))
        ):
            raise ValueError(
                f"low, high: expected as many limits of both, each low below its high, "
                f"found {list(low)} and {list(high)}"
            )
        _ = self.distribution  # raises if bins or squash are wrong

    @property
    def distribution(self) -> ActionDistribution:
        """The distribution of the actions."""
        if self.action_bins:
            return MultiDiscrete(self.action_bins)
        return Gaussian(len(self.low), self.squash)

    @property
    def limits(self) -> tuple[Tensor, Tensor]:
        """Smallest and largest value of each number of a command, float32."""
        floats = partial(torch.tensor, dtype=torch.float32)
        if self.action_bins:
            return torch.zeros(len(self.action_bins)), floats(self.action_bins) - 1.0
        return floats(self.low), floats(self.high)

    def sensors(self) -> dict[str, Callable[[], Any]]:
        """Return factories of the sensors."""
        return {
            "state": partial(FloatArrayTopic, self.observation_topic, self.observation_size),
            "outcome": partial(FloatArrayTopic, self.outcome_topic, OUTCOME_SIZE),
        }

    def actuator(self) -> Callable[[], FloatArrayCommandTopic]:
        """Return the factory of the actuator."""
        return partial(FloatArrayCommandTopic, self.action_topic, self.distribution.size)

    def agent(self) -> PPOAgent:
        """Build the agent."""
        return PPOAgent(self.distribution, self.limits, self.greedy)

    def policy(self) -> TorchTrainingModel[ActorCritic]:
        """Build policy and critic; the agent uses `parameters_at`."""
        sizes = self.observation_size, self.distribution, self.hidden, self.log_std
        networks = seeded(self.seed, partial(ActorCritic, *sizes))
        return TorchTrainingModel(networks, inference_procedure="parameters_at")

    def trainer(self) -> PPOTrainer:
        """Build the trainer."""
        settings = PPOSettings(
            n_steps=self.n_steps,
            n_epochs=self.n_epochs,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            anneal=self.anneal,
            gamma=self.gamma,
            gae_lambda=self.gae_lambda,
            clip_range=self.clip_range,
            ent_coef=self.ent_coef,
            scale_rewards=self.scale_rewards,
        )
        return PPOTrainer(self.distribution, settings, self.seed)
