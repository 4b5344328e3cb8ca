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

"""Speed of PPO with one environment: the system `ppo` in the runner, and stable-baselines3.

Both learn CartPole-v1 with the defaults of stable-baselines3, in this process, with one thread of
torch. Their rollouts alternate, so that both meet the same load of the machine; times are medians
over the rollouts. Then both policies are evaluated in the same episodes, in which they take their
most likely action. stable-baselines3 comes with the extra `bench`.
"""

from __future__ import annotations

import argparse
import importlib.util
import statistics
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import gymnasium
import torch

sys.path.insert(0, str(Path(__file__).parents[1]))

ENV_ID = "CartPole-v1"
RATE = 50.0  # CartPole-v1's own, in Hz
FIRST_SEED = 10_000  # of the evaluation episodes; no training run uses it
ENV_STEPS = 20_000


class Contender(ABC):
    """A learner that acts for a rollout, then trains on it."""

    @abstractmethod
    def collect(self) -> int:
        """Act for a rollout and record it; return the number of steps."""

    @abstractmethod
    def train(self) -> None:
        """Train on the rollout."""

    @abstractmethod
    def best(self, observation: Any) -> int:
        """Return the most likely action for an observation."""


class Ours(Contender):
    """The system `ppo` in the runner of `pamiq-ros train`."""

    def __init__(self, n_steps: int, seed: int) -> None:
        from pamiq_ros.core.seeding import seed_everything
        from pamiq_ros.offline.runner import Runner, Schedule
        from pamiq_ros.offline.session import Metrics
        from pamiq_ros.offline.sources import WorldSource
        from pamiq_ros.systems.ppo import system

        seed_everything(seed)
        made = system(n_steps=n_steps, rate=RATE, seed=seed)
        self._n_steps, self._agent = n_steps, made.agent()
        self._runner = Runner(made, Metrics(), Schedule(every=0))
        self._ticks = self._runner.through(WorldSource(ENV_ID, {}, seed, rate=RATE))

    def collect(self) -> int:
        """See `Contender`; the first rollout has a tick more, which completes its last step."""
        steps = self._n_steps + (self._runner.ticks == 0)
        for _ in range(steps):
            next(self._ticks)
        self._runner.settle()
        return steps

    def train(self) -> None:
        """See `Contender`."""
        if not self._runner.train():
            raise SystemExit("expected the trainer to train on the rollout, it did not")

    def best(self, observation: Any) -> int:
        """See `Contender`."""
        policy = self._runner.learner.models["policy"].model  # type: ignore[attr-defined]
        return int(self._agent.best(policy, torch.tensor(observation))[0])  # type: ignore[attr-defined]


class StableBaselines3(Contender):
    """stable-baselines3's PPO."""

    def __init__(self, n_steps: int, seed: int) -> None:
        from stable_baselines3 import PPO
        from stable_baselines3.common.callbacks import BaseCallback

        class Nothing(BaseCallback):
            def _on_step(self) -> bool:
                return True

        self._ppo = PPO("MlpPolicy", ENV_ID, n_steps=n_steps, seed=seed, device="cpu")
        # As `learn` does before its loop of `collect_rollouts` and `train`.
        self._ppo.learn(0, callback=Nothing())
        self._nothing = Nothing()
        self._nothing.init_callback(self._ppo)

    def collect(self) -> int:
        """See `Contender`."""
        model = self._ppo
        model.collect_rollouts(model.env, self._nothing, model.rollout_buffer, model.n_steps)
        return int(model.n_steps)

    def train(self) -> None:
        """See `Contender`."""
        self._ppo.train()

    def best(self, observation: Any) -> int:
        """See `Contender`."""
        return int(self._ppo.predict(observation, deterministic=True)[0])


CONTENDERS: dict[str, Callable[[int, int], Contender]] = {"ours": Ours, "sb3": StableBaselines3}


def main() -> None:
    """Train with each seed, evaluate, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="how many, from 0 on")
    parser.add_argument("--rollouts", type=int, default=25, help="rollouts per seed")
    parser.add_argument("--n-steps", type=int, default=2048, help="steps in a rollout")
    parser.add_argument("--episodes", type=int, default=100, help="episodes to evaluate in")
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    options = parser.parse_args()
    if "sb3" in options.contenders and importlib.util.find_spec("stable_baselines3") is None:
        raise SystemExit(
            "expected stable_baselines3, not installed: pip install '.[bench]', "
            "or run with --contenders ours"
        )
    from machine import report

    torch.set_num_threads(1)
    env_alone = env_steps_per_s()
    times = {name: Times() for name in options.contenders}
    for seed in range(options.seeds):
        learners = {name: CONTENDERS[name](options.n_steps, seed) for name in options.contenders}
        for _ in range(options.rollouts):
            for name, learner in learners.items():
                times[name].measure(learner)
        for name, learner in learners.items():
            times[name].returns.append(round(evaluate(learner, options.episodes), 1))
    figures: dict[str, Any] = {}
    for name in options.contenders:
        prefix = "" if name == "ours" else f"{name}_"
        figures |= {f"{prefix}{key}": value for key, value in times[name].statistics().items()}
    figures |= ratios(figures) if len(options.contenders) == len(CONTENDERS) else {}
    sizes = {name: getattr(options, name) for name in ("seeds", "rollouts", "n_steps", "episodes")}
    report("ppo_speed", env=ENV_ID, **figures, env_alone_steps_per_s=env_alone, **sizes)


class Times:
    """The times of a contender's rollouts, and its returns."""

    def __init__(self) -> None:
        self.returns: list[float] = []
        self._collect_s: list[float] = []
        self._train_s: list[float] = []

    def measure(self, learner: Contender) -> None:
        """Measure a rollout and the training on it, both in s per step."""
        began = time.perf_counter()
        steps = learner.collect()
        collected = time.perf_counter()
        learner.train()
        self._collect_s.append((collected - began) / steps)
        self._train_s.append((time.perf_counter() - collected) / steps)

    def statistics(self) -> dict[str, Any]:
        """Return steps per s of acting and recording, of training on them, and of both in turn."""
        totals = [sum(pair) for pair in zip(self._collect_s, self._train_s, strict=True)]
        return {
            "collect_steps_per_s": _per_s(self._collect_s),
            "train_steps_per_s": _per_s(self._train_s),
            "steps_per_s": _per_s(totals),
            "returns": self.returns,
        }


def ratios(figures: dict[str, Any]) -> dict[str, float]:
    """Return how many times as fast as stable-baselines3 ours is."""
    names = ("collect", "train", "")
    keys = {name: f"{name}_steps_per_s".lstrip("_") for name in names}
    return {
        f"{name or 'total'}_ratio": round(figures[key] / figures[f"sb3_{key}"], 2)
        for name, key in keys.items()
    }


def evaluate(learner: Contender, episodes: int) -> float:
    """Return the mean return of the most likely actions."""
    env, total = gymnasium.make(ENV_ID), 0.0
    for episode in range(episodes):
        observation, _ = env.reset(seed=FIRST_SEED + episode)
        over = False
        while not over:
            observation, reward, terminated, truncated, _ = env.step(learner.best(observation))
            total, over = total + float(reward), terminated or truncated
    return total / episodes


def env_steps_per_s() -> int:
    """Return the steps per s of the environment without an agent."""
    env = gymnasium.make(ENV_ID)
    env.reset(seed=0)
    began = time.perf_counter()
    for step in range(ENV_STEPS):
        _, _, terminated, truncated, _ = env.step(step % 2)
        if terminated or truncated:
            env.reset()
    return round(ENV_STEPS / (time.perf_counter() - began))


def _per_s(seconds: Sequence[float]) -> int:
    return round(1.0 / statistics.median(seconds))


if __name__ == "__main__":
    main()
