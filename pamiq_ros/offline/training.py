"""Training: how long a runner trains on bags or in a world, and which states are kept."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pamiq_ros.checkpoints import StateStore
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.system import System

from .drive import OfflineError
from .evaluation import StateEvaluation, mean_of
from .runner import Runner
from .sources import BagSource, WorldSource

LEAST_GAIN = 1e-4
"""A score is better than another if it is less by this share of it; else it is noise."""

Progress = Callable[[float], object]
"""Called often with the share that is done, from 0 to 1."""


@dataclass(frozen=True)
class Plan:
    """How long to train.

    Attributes:
        epochs: Passes through the bags.
        updates: On bags instead of epochs: fill the buffers once, then train so often. In a world:
            end after so many. 0: by epochs or steps.
        steps: Ticks in a world; 0: by updates.
        patience: Epochs without a better score after which to end; 0: never.
        save_every: Ticks in a world from state to state; 0: one at the end.
    """

    epochs: int = 10
    updates: int = 0
    steps: int = 0
    patience: int = 0
    save_every: int = 0


@dataclass(frozen=True)
class Epoch:
    """What there is to say after an epoch.

    Attributes:
        number: From 1 on.
        updates: Runs of trainers so far.
        scores: Means of all metrics on the held-out bags, by name; empty without such bags.
        saved: The state that was saved; None when a state before it is better.
    """

    number: int
    updates: int
    scores: Mapping[str, float]
    saved: Path | None


def train_on_bags(
    runner: Runner,
    bags: Sequence[BagSource],
    judge: Callable[[], Mapping[str, float]],
    plan: Plan,
    store: StateStore | None,
    on_progress: Progress,
    on_epoch: Callable[[Epoch], object],
) -> None:
    """Train on bags.

    Args:
        runner: What trains.
        bags: What to learn from.
        judge: Gives the scores of the models as they are, by name; less is better.
        plan: How long.
        store: Where states are saved: the best one last, or without scores the last; None: nowhere.
        on_progress: Told the progress.
        on_epoch: Called after each epoch; what is trained by updates is one.

    Raises:
        BagError: A bag lacks what is observed, or is damaged.
        OfflineError: The system failed.
        OSError: A state can't be saved.
    """
    best, worse = math.inf, 0
    epochs = 1 if plan.updates else plan.epochs
    for number in range(1, epochs + 1):
        _pass(runner, bags, plan, _part(on_progress, number - 1, epochs))
        scores = judge()
        score = next(iter(scores.values()), -float(number))
        is_better = math.isinf(best) or score < best - LEAST_GAIN * abs(best)
        worse = 0 if is_better else worse + 1
        best = score if is_better else best
        saved = runner.save(store) if is_better and store is not None else None
        on_epoch(Epoch(number, runner.learner.updates, scores, saved))
        if plan.patience and worse >= plan.patience:
            return


def train_in_world(
    runner: Runner,
    world: WorldSource,
    plan: Plan,
    store: StateStore | None,
    on_progress: Progress,
    on_saved: Callable[[Path], object],
) -> None:
    """Act and train in a world; a state is saved at the end, also at that by Ctrl-C.

    Args:
        runner: What acts and trains.
        world: The world.
        plan: How long.
        store: Where states are saved; None: nowhere.
        on_progress: Told the progress.
        on_saved: Called with each state.

    Raises:
        WorldError: The world lacks what is observed.
        OfflineError: The system failed.
        OSError: A state can't be saved.
    """
    first = runner.learner.updates

    def save() -> None:
        if store is not None:
            on_saved(runner.save(store))

    try:
        with closing(runner.through(world)) as ticks:
            for count, _ in enumerate(ticks, start=1):
                updates = runner.learner.updates - first
                shares = [count / plan.steps] if plan.steps else []
                shares += [updates / plan.updates] if plan.updates else []
                on_progress(min(1.0, max(shares)))
                if runner.drive.actor.hold == "observation_error":
                    raise OfflineError(runner.drive.newest_error)
                if max(shares) >= 1.0:
                    break
                if plan.save_every and count % plan.save_every == 0:
                    save()
    except KeyboardInterrupt:
        save()
        raise
    runner.require_experience()
    save()


def judge_on(
    system: System, models: TrainingModelsDict, held_out: Sequence[BagSource]
) -> Mapping[str, float]:
    """Means of all metrics of models on bags, by name; empty without bags."""
    if not held_out:
        return {}
    judge = StateEvaluation(system, models)
    courses = [judge.judge(bag, lambda now: None) for bag in held_out]
    names = dict.fromkeys(name for each in courses for name in each)
    return {name: mean_of(courses, name) for name in names}


def _pass(runner: Runner, bags: Sequence[BagSource], plan: Plan, on_progress: Progress) -> None:
    total, done = max(sum(bag.seconds for bag in bags), 1e-9), 0.0
    for bag in bags:
        for now_ns in runner.through(bag):
            if not plan.updates:
                on_progress((done + (now_ns - bag.start_ns) * 1e-9) / total)
        done += bag.seconds
    runner.require_experience()
    runner.settle()
    began = runner.learner.updates
    while (made := runner.learner.updates - began) < plan.updates:
        if not runner.train():
            raise OfflineError(
                f"expected {plan.updates} updates, found no trainer that trains after {made}: "
                "the buffers hold too little for their conditions"
            )
        on_progress(made / plan.updates)


def _part(on_progress: Progress, index: int, count: int) -> Progress:
    return lambda share: on_progress((index + share) / count)
