"""PPO through the real nodes in lockstep: how good it gets, over several seeds.

Each seed is a run of `pamiq-ros up ppo --world ... --lockstep`; then the policy that was saved does
what is likeliest in 100 episodes of the same environment. The reference is a policy that was never
trained, judged alike, and the reward that stable-baselines3 asks of its own (rl-baselines3-zoo).
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

FIRST_SEED = 10_000  # of the episodes that are judged: none that was trained on
TURN_EVERY = 32


@dataclass(frozen=True)
class Task:
    """An environment, how to learn it, and what counts as learnt.

    Attributes:
        rate: Ticks per second of its time in Hz: one for each of its steps.
        steps: Ticks in lockstep.
        wanted: Mean return.
        settings: Of the system `ppo`.
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
            "choices": (),
            "low": (-2.0,),
            "high": (2.0,),
            "rollout": 1024,
            "gamma": 0.9,
            "learning_rate": 1e-3,
            "anneal": 78,
            "scale_rewards": True,
        },
    ),
}


def main() -> None:
    """Learn with each seed and print the figures."""
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
    untrained = judge(options.env, task, None, options.episodes)
    returns, seconds = [], []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            seconds.append(learn(options.env, task, steps, seed, Path(folder)))
            returns.append(judge(options.env, task, Path(folder), options.episodes))
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
    """Learn in lockstep through the nodes; gives the seconds it took, starting included."""
    from processes import pamiq

    command = ["up", "ppo", "--world", env_id, "--world-command", "array", "--lockstep"]
    command += ["--steps", str(steps)]
    command += ["--rate", str(task.rate), "--seed", str(seed), "--train-every", str(TURN_EVERY)]
    command += ["--states-dir", str(folder / "states"), "--log-dir", str(folder / "log")]
    for name, value in {**task.settings, "seed": seed}.items():
        text = str(list(value)) if isinstance(value, tuple) else str(value)
        command += ["--set", f"{name}={text}"]
    began = time.monotonic()
    pamiq(folder, *command)
    return time.monotonic() - began


def judge(env_id: str, task: Task, folder: Path | None, episodes: int) -> float:
    """Mean return of what the policy thinks best; without a folder, of one never trained."""
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
