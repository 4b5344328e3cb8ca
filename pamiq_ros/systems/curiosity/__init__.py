"""curiosity: a robot that explores for the sake of what it can't foresee yet.

It learns to see, to foresee and to move, all at once: an encoder makes few numbers of a picture,
forward dynamics say what they will be next, and a policy is rewarded for where they were wrong
(Schmidhuber 1991, "A possibility for implementing curiosity and boredom in model-building neural
controllers"; Pathak et al. 2017, arXiv:1705.05363; Burda et al. 2019, arXiv:1808.04355).

Read it in the order `agent.py` (with `imagination.py`), `dynamics.py` and `recurrent.py`,
`dynamics_trainer.py`, `encoding.py` or `patches.py`; the policy and its trainer are those of `ppo`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from pamiq_ros.core import (
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
from pamiq_ros.systems.vae.evaluator import ReconstructionEvaluator
from pamiq_ros.systems.vae.trainer import VAETrainer

from .agent import CAMERA, OUTCOME, CuriosityAgent
from .dynamics import KINDS
from .dynamics_trainer import DynamicsTrainer
from .evaluator import PredictionEvaluator
from .jepa_trainer import JEPATrainer
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
    """Make the system.

    Args:
        size: How large the networks are: tiny, small, medium or large.
        encoder: `conv` learns by giving pictures back, `patches` by foreseeing hidden parts.
        dynamics: `mingru` remembers, `mlp` does not.
        horizon: How many ticks ahead it imagines, 1 to 100.
        camera_topic: Where the pictures come from.
        compressed: Whether to receive `<camera_topic>/compressed` instead.
        command_topic: Where the velocities go.
        outcome_topic: Where a simulated world says how the episode goes; empty: there is none.
        rate: Ticks per second in Hz, up to 1000.
        min_speed: Slowest linear.x in m/s, -10 to 10; below zero is backwards (or the brake).
        max_speed: Fastest linear.x in m/s, above `min_speed`, to 10.
        max_turn: Largest angular.z to either side in rad/s, above 0, to 10.
        action_bins: How many speeds and turns to choose from; empty: any.
        squash: What keeps them within the limits if they are continuous: tanh or clip.
        log_std: Logarithm of their deviation at first, -5 to 2.
        curiosity_weight: How much the error of the predictions counts in the reward, 0 to 1e6.
        reward_weight: How much the world's own reward counts, 0 to 1e6; needs `outcome_topic`.
        greedy: Whether to do what is likeliest rather than to draw: to be judged, not to learn.
        encoder_learning_rate: Above 0, up to 1.
        beta: Weight of the latents' divergence in the loss of `conv`, 0 to 1000.
        dynamics_learning_rate: Above 0, up to 1.
        updates_per_run: Updates of encoder and dynamics between two weights versions, 1 to 1000.
        min_buffer_size: Ticks to wait for before the first update, 2 to `buffer_size`.
        buffer_size: Pictures that are remembered, and the newest ticks for the dynamics, 64 to 10
            million.
        policy_learning_rate: Above 0, up to 1.
        n_steps: Ticks from training to training of the policy, 2 to 1 million.
        n_epochs: Passes over a rollout, 1 to 1000.
        batch_size: Ticks in an update of the policy, 2 to 1 million.
        gamma: How much a reward counts one tick later, 0 to 1.
        gae_lambda: Lambda of the advantages, 0 to 1.
        clip_range: How far an update may take a probability, as a ratio less 1, 0.001 to 10.
        ent_coef: Weight of the entropy, 0 to 100.
        seed: Of the first weights and what is drawn in training, 0 to 2**31 - 1.

    Raises:
        ValueError: A value is out of its range; says which, what was expected and what was found.
    """
    check_choices(
        size=(size, tuple(SIZES)), encoder=(encoder, ENCODERS), dynamics=(dynamics, KINDS)
    )
    check_ranges(
        horizon=(horizon, 1, 100),
        rate=(rate, 0.001, 1000.0),
        min_speed=(min_speed, -10.0, 10.0),
        max_speed=(max_speed, min_speed + 1e-6, 10.0),
        max_turn=(max_turn, 1e-6, 10.0),
        log_std=(log_std, -5.0, 2.0),
        curiosity_weight=(curiosity_weight, 0.0, 1e6),
        reward_weight=(reward_weight, 0.0, 1e6 if outcome_topic else 0.0),
        encoder_learning_rate=(encoder_learning_rate, 1e-9, 1.0),
        beta=(beta, 0.0, 1000.0),
        dynamics_learning_rate=(dynamics_learning_rate, 1e-9, 1.0),
        updates_per_run=(updates_per_run, 1, 1000),
        buffer_size=(buffer_size, 64, 10_000_000),
        min_buffer_size=(min_buffer_size, 2, buffer_size),
        policy_learning_rate=(policy_learning_rate, 1e-9, 1.0),
        n_steps=(n_steps, 2, 1_000_000),
        n_epochs=(n_epochs, 1, 1000),
        batch_size=(batch_size, 2, 1_000_000),
        gamma=(gamma, 0.0, 1.0),
        gae_lambda=(gae_lambda, 0.0, 1.0),
        clip_range=(clip_range, 0.001, 10.0),
        ent_coef=(ent_coef, 0.0, 100.0),
        seed=(seed, 0, 2**31 - 1),
    )
    if action_bins and len(action_bins) != 2:
        raise ValueError(
            f"action_bins: expected two numbers, of speeds and turns, found {action_bins}"
        )
    chosen = SIZES[size]
    camera = partial(ImageTopic, camera_topic, chosen.side, chosen.side, compressed=compressed)
    sensors: dict[str, Callable[[], Any]] = {CAMERA: camera}
    if outcome_topic:
        sensors[OUTCOME] = partial(FloatArrayTopic, outcome_topic, OUTCOME_SIZE)
    wheels = partial(TwistTopic, command_topic, axes=("linear.x", "angular.z"))
    check_devices(
        camera_topic=camera, command_topic=wheels, outcome_topic=sensors.get(OUTCOME, camera)
    )
    distribution: ActionDistribution = (
        MultiDiscrete(action_bins) if action_bins else Gaussian(2, squash)
    )
    limits = torch.tensor([min_speed, -max_turn]), torch.tensor([max_speed, max_turn])
    state_shape = dynamics_of(dynamics, chosen, distribution.size).state_shape
    settings = PPOSettings(
        n_steps=n_steps,
        n_epochs=n_epochs,
        batch_size=batch_size,
        learning_rate=policy_learning_rate,
        gamma=gamma,
        gae_lambda=gae_lambda,
        clip_range=clip_range,
        ent_coef=ent_coef,
        scale_rewards=True,
    )
    learning = {
        "min_buffer_size": min_buffer_size,
        "updates_per_run": updates_per_run,
        "seed": seed,
    }
    return System(
        agent=lambda: CuriosityAgent(
            distribution, limits, state_shape, horizon, curiosity_weight, reward_weight, greedy
        ),
        sensors=sensors,
        actuators=wheels,
        models={
            **encoder_models(encoder, chosen, seed),
            **mind_models(dynamics, chosen, distribution, log_std, seed),
        },
        buffers={
            "frames": lambda: RandomReplacementBuffer(
                buffer_size, example=torch.zeros(3, chosen.side, chosen.side, dtype=torch.uint8)
            ),
            "experience": lambda: SequentialBuffer(buffer_size),
            # Twice what is needed: what comes while it is trained on waits for the next time.
            "rollout": lambda: SequentialBuffer(2 * n_steps + 1),
        },
        trainers={
            "encoder": lambda: _encoder_trainer(
                encoder, chosen, encoder_learning_rate, beta, learning
            ),
            "dynamics": lambda: DynamicsTrainer(
                learning_rate=dynamics_learning_rate,
                sequences=chosen.sequences,
                length=chosen.length,
                **learning,
            ),
            "policy": lambda: PPOTrainer(distribution, settings, seed),
        },
        evaluators={
            "prediction": lambda: PredictionEvaluator(has_decoder=encoder == "conv"),
            **({"reconstruction": ReconstructionEvaluator} if encoder == "conv" else {}),
        },
        rate=rate,
    )


def _encoder_trainer(
    kind: str, size: Size, learning_rate: float, beta: float, learning: dict[str, int]
) -> Trainer:
    shared = {"learning_rate": learning_rate, "batch_size": size.pictures, **learning}
    return VAETrainer(beta=beta, **shared) if kind == "conv" else JEPATrainer(**shared)  # type: ignore[arg-type]
