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

"""`pamiq-ros train`: train a system on bags or in a Gymnasium world, and keep states."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pamiq_ros.checkpoints import StateStore
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.system import System

from .drive import OfflineError
from .evaluation import StateEvaluation, mean_of
from .runner import Runner, Schedule
from .session import Choice, Output, Progress, open_bags, open_runner
from .sources import BagSource, WorldSource

MIN_GAIN = 1e-4
"""A score counts as better if it is lower by more than this share; smaller changes are noise."""


@dataclass(frozen=True)
class Plan:
    """How long to train.

    Attributes:
        epochs: Passes through the bags.
        updates: On bags: fill the buffers in one pass, then make this many updates. In a world: end
            after this many updates. 0: train by epochs or steps.
        steps: Ticks in a world; 0: train by updates.
        patience: End after this many epochs without a better score; 0: never.
        save_every: Ticks in a world between two states; 0: one state at the end.
    """

    epochs: int = 10
    updates: int = 0
    steps: int = 0
    patience: int = 0
    save_every: int = 0


@dataclass(frozen=True)
class Epoch:
    """The result of an epoch.

    Attributes:
        number: Number of the epoch, from 1.
        updates: Runs of trainers so far.
        scores: Means of all metrics on the held-out bags, by name; empty without such bags.
        saved: The state that was saved; None if an earlier state is better.
    """

    number: int
    updates: int
    scores: Mapping[str, float]
    saved: Path | None


@dataclass(frozen=True)
class WorldChoice:
    """The Gymnasium environment to train in.

    Attributes:
        env_id: The environment's id.
        kwargs: Its keyword arguments, text of a YAML mapping.
        rate: Its steps per second in Hz; None for its own rate.
    """

    env_id: str
    kwargs: str = ""
    rate: float | None = None


def train(
    choice: Choice,
    bags: Sequence[Path],
    held_out: Sequence[Path],
    plan: Plan,
    schedule: Schedule,
    resume: str,
    output: Output,
    on_epoch: Callable[[Epoch], object],
) -> None:
    """Train a system on bags; keep the best state, or without held-out bags the last.

    Args:
        choice: The system.
        bags: The bags to learn from.
        held_out: The bags to evaluate on.
        plan: How long to train.
        schedule: When the trainers run within an epoch.
        resume: State to resume from: `latest`, `none` or an id.
        output: Where the output goes.
        on_epoch: Called after each epoch. Training by updates is one epoch.

    Raises:
        ConfigurationError: The system cannot be resolved.
        ValueError: A bag or a state cannot be used.
        OfflineError: The system failed.
        OSError: A state cannot be saved.
    """
    resolved, store = choice.opened()
    with ExitStack() as stack:
        sources, held_out_sources = (
            [BagSource(bag, choice.names) for bag in open_bags(stack, paths, output.say)]
            for paths in (bags, held_out)
        )
        schedule = Schedule(0) if plan.updates else schedule
        runner = stack.enter_context(open_runner(resolved.system, schedule, store, resume, output))

        def scores() -> Mapping[str, float]:
            return _scores(resolved.system, runner.learner.models, held_out_sources)

        _train_epochs(runner, sources, scores, plan, store, output.on_progress, on_epoch)


def train_in(
    choice: Choice, world: WorldChoice, plan: Plan, schedule: Schedule, resume: str, output: Output
) -> None:
    """Train a system in a Gymnasium world; arguments and errors as of `train`.

    A state is saved at the end, also after Ctrl-C. Returns and lengths of episodes are metrics,
    `episode/return` and `episode/steps`.

    Raises:
        WorldError: The environment cannot be made, driven or observed by the system.
    """
    # gymnasium is needed for worlds only.
    from pamiq_ros.worlds.gym_world import Episode, parse_kwargs

    def on_episode(episode: Episode) -> None:
        output.recorder.scalar("episode/return", episode.total)
        output.recorder.scalar("episode/steps", float(episode.steps))

    resolved, store = choice.opened()
    kwargs = parse_kwargs(world.kwargs)
    with (
        open_runner(resolved.system, schedule, store, resume, output) as runner,
        closing(WorldSource(world.env_id, kwargs, choice.seed, on_episode, world.rate)) as source,
    ):

        def save() -> None:
            if store is not None:
                state = runner.save(store).name
                output.say(
                    f"{runner.ticks} ticks | {runner.learner.updates} updates | saved {state}"
                )

        try:
            _train_steps(runner, source, plan, save, output.on_progress)
        except KeyboardInterrupt:
            save()
            raise
        runner.require_experience()
        save()


def _train_epochs(
    runner: Runner,
    bags: Sequence[BagSource],
    scores_of_now: Callable[[], Mapping[str, float]],
    plan: Plan,
    store: StateStore | None,
    on_progress: Progress,
    on_epoch: Callable[[Epoch], object],
) -> None:
    best, worse = math.inf, 0
    epochs = 1 if plan.updates else plan.epochs
    for number in range(1, epochs + 1):
        _train_epoch(runner, bags, plan, partial(_progress, on_progress, number - 1, epochs))
        scores = scores_of_now()
        score = next(iter(scores.values()), -float(number))
        is_better = math.isinf(best) or score < best - MIN_GAIN * abs(best)
        worse = 0 if is_better else worse + 1
        best = score if is_better else best
        saved = runner.save(store) if is_better and store is not None else None
        on_epoch(Epoch(number, runner.learner.updates, scores, saved))
        if plan.patience and worse >= plan.patience:
            return


def _progress(on_progress: Progress, epoch: int, epochs: int, share: float) -> None:
    on_progress((epoch + share) / epochs)


def _train_epoch(
    runner: Runner, bags: Sequence[BagSource], plan: Plan, on_progress: Progress
) -> None:
    total, done = max(sum(bag.seconds for bag in bags), 1e-9), 0.0
    for bag in bags:
        for now_ns in runner.through(bag):
            if not plan.updates:
                on_progress((done + (now_ns - bag.start_ns) * 1e-9) / total)
        done += bag.seconds
    runner.require_experience()
    runner.settle()
    first = runner.learner.updates
    while (made := runner.learner.updates - first) < plan.updates:
        if not runner.train():
            raise OfflineError(
                f"expected {plan.updates} updates, found no trainer that trains after {made}: "
                "the buffers hold too little for their conditions"
            )
        on_progress(made / plan.updates)


def _train_steps(
    runner: Runner,
    world: WorldSource,
    plan: Plan,
    save: Callable[[], object],
    on_progress: Progress,
) -> None:
    first = runner.learner.updates
    with closing(runner.through(world)) as ticks:
        for count, _ in enumerate(ticks, start=1):
            updates = runner.learner.updates - first
            shares = [count / plan.steps] if plan.steps else []
            shares += [updates / plan.updates] if plan.updates else []
            on_progress(min(1.0, max(shares)))
            if runner.drive.actor.stop_reason == "observation_error":
                raise OfflineError(runner.drive.newest_error)
            if max(shares) >= 1.0:
                return
            if plan.save_every and count % plan.save_every == 0:
                save()


def _scores(
    system: System, models: TrainingModelsDict, held_out: Sequence[BagSource]
) -> Mapping[str, float]:
    if not held_out:
        return {}
    evaluation = StateEvaluation(system, models)
    curves = [evaluation.evaluate(bag, lambda now_ns: None) for bag in held_out]
    names = dict.fromkeys(name for each in curves for name in each)
    return {name: mean_of(curves, name) for name in names}
