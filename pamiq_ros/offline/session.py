"""What `pamiq-ros train`, `replay --lockstep` and `evaluate` do, from names and paths on."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from pamiq_ros.checkpoints import LATEST, Configuration, RetentionPolicy, StateError, StateStore
from pamiq_ros.core.config import ResolvedSystem, resolve_system
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.recorder import Recorder
from pamiq_ros.core.seeding import seed_everything
from pamiq_ros.core.system import System
from pamiq_ros.offline.bags import Bag
from pamiq_ros.runtime.parts import load_parts

from .evaluation import MetricCurve, StateEvaluation
from .recorded_commands import Agreement
from .runner import Runner, Schedule
from .sources import BagSource, WorldSource
from .training import Epoch, Plan, Progress, judge_on, train_in_world, train_on_bags

NONE = "none"
LEARNER = "pamiq_training"


@dataclass(frozen=True)
class Choice:
    """Which system.

    Attributes:
        system: Its name, `module:callable` or `file.py:callable`.
        config_file: YAML file with its configuration; empty for none.
        overrides: `key=value` texts.
        seed: Of all random generators.
        torch_threads: Threads of torch.
        states_dir: Folder of states; None for none.
        namespace: Of the robot whose states these are; empty for the root.
        names: New names of topics of the bags, by those they have there.
        states_keep: How many of the newest states are kept.
    """

    system: str
    config_file: str
    overrides: Sequence[str]
    seed: int
    torch_threads: int
    states_dir: Path | None
    namespace: str
    names: Mapping[str, str]
    states_keep: int = 3

    @property
    def folder(self) -> Path | None:
        """Where the states of the training node are; None without a folder of states."""
        return self.states_dir and self.states_dir / self.namespace.strip("/") / LEARNER

    def resolved(self) -> ResolvedSystem:
        """The system, with the random generators seeded and torch's threads set.

        Raises:
            ConfigurationError: It can't be resolved.
        """
        seed_everything(self.seed)
        torch.set_num_threads(self.torch_threads)
        return resolve_system(self.system, self.config_file, list(self.overrides))

    def opened(self) -> tuple[ResolvedSystem, StateStore | None]:
        """The system, see `resolved`, and its states."""
        resolved = self.resolved()
        return resolved, self.store(resolved)

    def store(self, resolved: ResolvedSystem) -> StateStore | None:
        """The states of its training node; None without a folder for them."""
        if (folder := self.folder) is None:
            return None
        values = {"system": resolved.name, "configuration": resolved.config}
        return StateStore(
            folder, Configuration(resolved.digest, values), RetentionPolicy(self.states_keep)
        )


class Metrics(Recorder):
    """Keeps the newest value of each metric.

    Attributes:
        values: These, by name.
    """

    def __init__(self) -> None:
        self.values: dict[str, float] = {}

    def scalar(self, name: str, value: float) -> None:
        """Keep a value."""
        self.values[name] = value


@dataclass(frozen=True)
class Output:
    """Where a command's output goes while it runs.

    Attributes:
        recorder: Gets the trainers' metrics.
        say: Shows a line of text.
        on_progress: Called often with the share that is done, from 0 to 1.
    """

    recorder: Recorder
    say: Callable[[str], object]
    on_progress: Progress


@dataclass(frozen=True)
class WorldChoice:
    """Which Gymnasium environment.

    Attributes:
        env_id: Gymnasium's name of it.
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
    """Train a system on bags, see `train_on_bags`.

    Args:
        choice: The system.
        bags: What to learn from.
        held_out: What to judge by.
        plan: How long.
        schedule: When the trainers run, in an epoch.
        resume: State to resume from: `latest`, `none` or an id.
        output: Where the output goes.
        on_epoch: Called after each epoch.

    Raises:
        ConfigurationError: The system can't be resolved.
        ValueError: A bag or a state can't be used.
        OfflineError: The system failed.
        OSError: A state can't be saved.
    """
    resolved, store = choice.opened()
    with ExitStack() as stack:
        learned_from, judged_by = (
            [BagSource(bag, choice.names) for bag in _opened(stack, paths, output.say)]
            for paths in (bags, held_out)
        )
        schedule = Schedule(0) if plan.updates else schedule
        runner = stack.enter_context(
            closing(_runner(resolved.system, schedule, store, resume, output))
        )
        judge = partial(judge_on, resolved.system, runner.learner.models, judged_by)
        train_on_bags(runner, learned_from, judge, plan, store, output.on_progress, on_epoch)
        for warning in runner.drive.robot.warnings:
            output.say(warning)


def train_in(
    choice: Choice, world: WorldChoice, plan: Plan, schedule: Schedule, resume: str, output: Output
) -> None:
    """Train a system in a Gymnasium world, see `train_in_world` and `train`.

    The returns of episodes are metrics, `episode/return` and `episode/steps`.

    Raises:
        WorldError: The environment can't be made, driven or observed by the system.
    """
    # gymnasium is needed for worlds alone.
    from pamiq_ros.worlds import Episode, parse_kwargs

    def on_episode(episode: Episode) -> None:
        output.recorder.scalar("episode/return", episode.total)
        output.recorder.scalar("episode/steps", float(episode.steps))

    resolved, store = choice.opened()
    kwargs = parse_kwargs(world.kwargs)
    with (
        closing(_runner(resolved.system, schedule, store, resume, output)) as runner,
        closing(WorldSource(world.env_id, kwargs, choice.seed, on_episode, world.rate)) as source,
    ):
        train_in_world(
            runner,
            source,
            plan,
            store,
            output.on_progress,
            lambda state: output.say(
                f"{runner.ticks} ticks | {runner.learner.updates} updates | saved {state.name}"
            ),
        )


def replay(
    choice: Choice,
    bag: Path,
    span_s: tuple[float, float],
    schedule: Schedule,
    resume: str,
    output: Output,
) -> dict[str, float]:
    """Go through a bag once, acting and training; see `train`.

    Args:
        choice: The system; its states are saved if it has a folder for them.
        bag: The bag.
        span_s: Where to begin and to end, in s from the bag's first message; 0 for its end.
        schedule: When the trainers run.
        resume: State to resume from.
        output: Where the output goes.

    Returns:
        The mean difference of each axis that was commanded from what was recorded, in m/s and
        rad/s, by name.
    """
    resolved, store = choice.opened()
    with ExitStack() as stack:
        [opened] = _opened(stack, [bag], output.say)
        source = BagSource(opened, choice.names, *span_s)
        runner = stack.enter_context(
            closing(_runner(resolved.system, schedule, store, resume, output))
        )
        agreement = Agreement(opened, runner.drive.robot)
        differences: dict[str, list[float]] = {}
        for now_ns in runner.through(source):
            if not runner.drive.actor.hold:
                for name, value in agreement.differences(now_ns).items():
                    differences.setdefault(name, []).append(value)
            output.on_progress((now_ns - source.start_ns) * 1e-9 / max(source.seconds, 1e-9))
        runner.settle()
        saved = f" | saved {runner.save(store).name}" if store is not None else ""
        output.say(f"{runner.ticks} ticks | {runner.learner.updates} updates{saved}")
    return {name: math.fsum(values) / len(values) for name, values in differences.items()}


def evaluate(
    choice: Choice,
    states: Sequence[str],
    bags: Sequence[Path],
    say: Callable[[str], object],
    on_progress: Progress,
) -> dict[str, list[dict[str, MetricCurve]]]:
    """Judge states of a system on bags.

    Args:
        choice: The system.
        states: Ids of states, `latest`, or `none` for weights as they are made.
        bags: What to judge by.
        say: Told what a user should know.
        on_progress: Called often with the share that is done, from 0 to 1.

    Returns:
        For each state the courses of all metrics, by name, for each bag.

    Raises:
        ConfigurationError: The system can't be resolved.
        ValueError: A bag or a state can't be used.
        OfflineError: The system failed.
    """
    judged: dict[str, list[dict[str, MetricCurve]]] = {}
    with ExitStack() as stack:
        sources = [BagSource(bag, choice.names) for bag in _opened(stack, bags, say)]
        total, done = max(len(states) * sum(bag.seconds for bag in sources), 1e-9), 0.0
        for wanted in states:
            resolved = choice.resolved()
            models, name = _models(choice, resolved, wanted, say)
            judge = StateEvaluation(resolved.system, models)
            judged[name] = []
            for source in sources:

                def tell(now_ns: int, source: BagSource = source, done: float = done) -> None:
                    on_progress((done + (now_ns - source.start_ns) * 1e-9) / total)

                judged[name].append(judge.judge(source, tell))
                done += source.seconds
    return judged


def _runner(
    system: System, schedule: Schedule, store: StateStore | None, resume: str, output: Output
) -> Runner:
    runner = Runner(system, output.recorder, schedule)
    found = store.find(resume, output.say) if store is not None and resume != NONE else None
    if found is not None:
        runner.load(*found)
        output.say(f"state loaded from {found[0]}")
    return runner


def _models(
    choice: Choice, resolved: ResolvedSystem, wanted: str, say: Callable[[str], object]
) -> tuple[TrainingModelsDict, str]:
    models = TrainingModelsDict(resolved.system.build_models())
    if wanted == NONE:
        return models, NONE
    store = choice.store(resolved)
    found = store.find(wanted, say) if store is not None else None
    if found is None:
        raise StateError(f"expected a state in {choice.folder}, found none")
    path, _ = found
    if wanted not in (LATEST, path.name):
        say(f"there is no state {wanted}: {path.name} before it is judged")
    load_parts({"models": models}, path, None)
    return models, path.name


def _opened(stack: ExitStack, paths: Sequence[Path], say: Callable[[str], object]) -> list[Bag]:
    bags = [stack.enter_context(Bag(path)) for path in paths]
    for bag in bags:
        for warning in bag.warnings:
            say(warning)
    return bags
