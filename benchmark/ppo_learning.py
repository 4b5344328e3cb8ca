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

"""What `pamiq-ros train ppo --world ...` learns, over several seeds.

Each seed is one training run. The saved policy is then evaluated in 100 episodes of the same
environment, in which it takes its most likely action. The references are an untrained policy,
evaluated in the same way, and the reward threshold of stable-baselines3 (rl-baselines3-zoo).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

FIRST_SEED = 10_000  # of the evaluation episodes; no training run uses it
TRAIN_EVERY = 32


@dataclass(frozen=True)
class Task:
    """An environment, the training run, and the return to reach.

    Attributes:
        rate: Rate of the environment and the system in Hz: one step per tick.
        steps: Ticks to train for.
        wanted: Mean return to reach.
        settings: Configuration of the system `ppo`.
    """

    rate: float
    steps: int
    wanted: float
    settings: dict[str, Any]


TASKS = {
    "CartPole-v1": Task(50.0, 50_000, 475.0, {"anneal": 24}),
    "Pendulum-v1": Task(
        30.0,
        80_000,
        -250.0,
        {
            "observation_size": 3,
            "action_bins": (),
            "low": (-2.0,),
            "high": (2.0,),
            "n_steps": 1024,
            "gamma": 0.9,
            "learning_rate": 1e-3,
            "anneal": 78,
            "scale_rewards": True,
        },
    ),
}


def main() -> None:
    """Train with each seed, evaluate, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--env", choices=TASKS, default="CartPole-v1")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0 on")
    parser.add_argument("--steps", type=int, default=0, help="ticks; 0: those of the task")
    parser.add_argument("--episodes", type=int, default=100, help="episodes to evaluate in")
    options = parser.parse_args()
    from machine import report

    task = TASKS[options.env]
    steps = options.steps or task.steps
    torch.set_num_threads(1)
    untrained = evaluate(options.env, task, None, options.episodes)
    returns, seconds = [], []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(learn(options.env, task, steps, seed, Path(folder)))
            returns.append(evaluate(options.env, task, Path(folder), options.episodes))
            sys.stderr.write(f"seed {seed}: {returns[-1]:.1f} after {seconds[-1]:.0f} s\n")
    report(
        "ppo_learning",
        env=options.env,
        steps=steps,
        episodes=options.episodes,
        returns=[round(value, 1) for value in returns],
        wanted=task.wanted,
        reached=sum(value >= task.wanted for value in returns),
        untrained=round(untrained, 1),
        seconds=[round(value) for value in seconds],
        steps_per_s=round(steps * len(seconds) / sum(seconds)),
    )


def learn(env_id: str, task: Task, steps: int, seed: int, folder: Path) -> float:
    """Train, and return the seconds it took, process start included."""
    from processes import pamiq

    command = ["train", "ppo", "--world", env_id, "--steps", str(steps), "--seed", str(seed)]
    command += ["--train-every", str(TRAIN_EVERY), "--states-dir", str(folder / "states")]
    for name, value in {**task.settings, "rate": task.rate, "seed": seed}.items():
        text = str(list(value)) if isinstance(value, tuple) else str(value)
        command += ["--set", f"{name}={text}"]
    began = time.monotonic()
    pamiq(folder, *command)
    return time.monotonic() - began


def evaluate(env_id: str, task: Task, folder: Path | None, episodes: int) -> float:
    """Return the mean return of the saved policy, or of an untrained one without a folder."""
    import gymnasium
    from safetensors.torch import load_file

    from pamiq_ros.systems.ppo import system
    from pamiq_ros.systems.ppo.agent import PPOAgent

    made = system(**task.settings)
    policy = made.build_models()["policy"].model  # type: ignore[attr-defined]
    if folder is not None:
        [file] = folder.glob("states/pamiq_training/*/models/policy*.safetensors")
        policy.load_state_dict(load_file(file))
    agent = made.agent()
    assert isinstance(agent, PPOAgent)
    env, total = gymnasium.make(env_id), 0.0
    is_choice = isinstance(env.action_space, gymnasium.spaces.Discrete)
    for episode in range(episodes):
        seen, _ = env.reset(seed=FIRST_SEED + episode)
        over = False
        while not over:
            command = agent.best(policy, torch.tensor(seen, dtype=torch.float32))
            action = int(command[0]) if is_choice else command.numpy()
            seen, reward, terminated, truncated, _ = env.step(action)
            total, over = total + float(reward), terminated or truncated
    return total / episodes


if __name__ == "__main__":
    main()
