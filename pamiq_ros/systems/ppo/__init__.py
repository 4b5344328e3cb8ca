"""ppo: learns to act for the rewards of a world, from vectors, by proximal policy optimisation.

Read it in the order `rollout.py` (what a tick collects), `agent.py`, `distributions.py` and
`networks.py`, `objective.py`, `trainer.py`; the function below puts them together. Its parts are
those that `curiosity` learns to move by.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

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
    """Make the system; as it is it fits CartPole-v1.

    Args:
        observation_size: Numbers in an observation, 1 to 100,000.
        observation_topic: Where observations come from, a std_msgs/Float32MultiArray.
        outcome_topic: Where the world says how the episode goes, likewise.
        action_topic: Where the action's numbers go, a std_msgs/Float64MultiArray.
        action_bins: How many values each number of an action can have, which is then the index of
            one; empty for continuous actions.
        low: Smallest value of each number of a continuous action.
        high: Largest value of each.
        squash: What keeps continuous actions within the limits: tanh or clip.
        log_std: Logarithm of the deviation of continuous actions at first, -5 to 2.
        hidden: Sizes of the hidden layers of policy and critic, 1 to 8 layers of 1 to 4096.
        n_steps: Ticks from training to training, 2 to 1 million.
        n_epochs: Passes over a rollout, 1 to 1000.
        batch_size: Transitions in an update, 2 to 1 million.
        learning_rate: Of Adam, above 0, up to 1.
        anneal: Trainings after which the learning rate has sunk to 0; 0: it stays.
        gamma: How much a reward counts one tick later, 0 to 1.
        gae_lambda: Lambda of the advantages, 0 to 1.
        clip_range: How far an update may take a probability, as a ratio less 1, 0.001 to 10.
        ent_coef: Weight of the entropy, 0 to 100.
        scale_rewards: Whether rewards are divided by the deviation of their sums.
        greedy: Whether to do what is likeliest rather than to draw: to be judged, not to learn.
        rate: Ticks per second in Hz, up to 1000.
        seed: Of the first weights and the order of transitions, 0 to 2**31 - 1.

    Raises:
        ValueError: A value is out of its range; says which, what was expected and what was found.
    """
    check_ranges(
        observation_size=(observation_size, 1, 100_000),
        log_std=(log_std, -5.0, 2.0),
        n_steps=(n_steps, 2, 1_000_000),
        n_epochs=(n_epochs, 1, 1000),
        batch_size=(batch_size, 2, 1_000_000),
        learning_rate=(learning_rate, 1e-9, 1.0),
        anneal=(anneal, 0, 1e9),
        gamma=(gamma, 0.0, 1.0),
        gae_lambda=(gae_lambda, 0.0, 1.0),
        clip_range=(clip_range, 0.001, 10.0),
        ent_coef=(ent_coef, 0.0, 100.0),
        rate=(rate, 0.001, 1000.0),
        seed=(seed, 0, 2**31 - 1),
        **{f"hidden[{layer}]": (size, 1, 4096) for layer, size in enumerate(hidden)},
    )
    distribution, limits = _actions(action_bins, low, high, squash)
    sensors = {
        "state": partial(FloatArrayTopic, observation_topic, observation_size),
        "outcome": partial(FloatArrayTopic, outcome_topic, OUTCOME_SIZE),
    }
    actuator = partial(FloatArrayCommandTopic, action_topic, distribution.size)
    check_devices(
        observation_topic=sensors["state"],
        outcome_topic=sensors["outcome"],
        action_topic=actuator,
    )
    settings = PPOSettings(
        n_steps=n_steps,
        n_epochs=n_epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        anneal=anneal,
        gamma=gamma,
        gae_lambda=gae_lambda,
        clip_range=clip_range,
        ent_coef=ent_coef,
        scale_rewards=scale_rewards,
    )
    return System(
        agent=lambda: PPOAgent(distribution, limits, greedy),
        sensors=sensors,
        actuators=actuator,
        models={"policy": lambda: _policy(seed, observation_size, distribution, hidden, log_std)},
        # Twice what is needed: what comes while a rollout is trained on waits for the next one.
        buffers={"rollout": lambda: SequentialBuffer(2 * n_steps + 1)},
        trainers={"ppo": lambda: PPOTrainer(distribution, settings, seed)},
        rate=rate,
    )


def _actions(
    action_bins: Sequence[int], low: Sequence[float], high: Sequence[float], squash: str
) -> tuple[ActionDistribution, tuple[Tensor, Tensor]]:
    if action_bins and (low or high):
        raise ValueError(
            f"low, high: expected none beside action_bins {list(action_bins)}, found some"
        )
    if action_bins:
        counts = MultiDiscrete(action_bins)
        return counts, (
            torch.zeros(counts.size),
            torch.tensor(action_bins, dtype=torch.float32) - 1,
        )
    if not low or len(low) != len(high) or any(a >= b for a, b in zip(low, high, strict=True)):
        raise ValueError(
            f"low, high: expected as many limits of both, each low below its high, "
            f"found {list(low)} and {list(high)}"
        )
    return Gaussian(len(low), squash), (torch.tensor(low), torch.tensor(high))


def _policy(
    seed: int, size: int, distribution: ActionDistribution, hidden: Sequence[int], log_std: float
) -> TorchTrainingModel[ActorCritic]:
    make = partial(ActorCritic, size, distribution, hidden, log_std)
    return TorchTrainingModel(seeded(seed, make))
