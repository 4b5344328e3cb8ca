"""What `pamiq-ros train` and `evaluate` do, from names and paths on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import torch

from pamiq_ros.checkpoints import LATEST, Configuration, Keepers, StateError, StateStore
from pamiq_ros.core.config import ResolvedSystem, resolve_system
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.recorder import Recorder
from pamiq_ros.core.seeding import seed_everything
from pamiq_ros.offline.bags import Bag
from pamiq_ros.runtime.parts import load_parts

from .judging import Course, Judge
from .training import Epoch, Plan, Training

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
        states_dir: Folder of states.
        namespace: Of the robot whose states these are; empty for the root.
        names: New names of topics of the bags, by those they have there.
    """

    system: str
    config_file: str
    overrides: Sequence[str]
    seed: int
    torch_threads: int
    states_dir: Path
    namespace: str
    names: Mapping[str, str]

    def resolved(self) -> ResolvedSystem:
        """The system, with the random generators seeded and torch's threads set.

        Raises:
            ConfigurationError: It can't be resolved.
        """
        seed_everything(self.seed)
        torch.set_num_threads(self.torch_threads)
        return resolve_system(self.system, self.config_file, list(self.overrides))

    def store(self, resolved: ResolvedSystem) -> StateStore:
        """The states of its training node."""
        values = {"system": resolved.name, "configuration": resolved.config}
        folder = self.states_dir / self.namespace.strip("/") / LEARNER
        return StateStore(folder, Configuration(resolved.digest, values), Keepers())


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


def train(
    choice: Choice,
    bags: Sequence[Path],
    held_out: Sequence[Path],
    plan: Plan,
    resume: str,
    recorder: Recorder,
    say: Callable[[str], object],
    on_progress: Callable[[float], object],
    on_epoch: Callable[[Epoch], object],
) -> None:
    """Train a system on bags, see `Training.run`.

    Args:
        choice: The system.
        bags: What to learn from.
        held_out: What to judge by.
        plan: How long.
        resume: State to go on from: `latest`, `none` or an id.
        recorder: Gets the trainers' metrics.
        say: Told what a user should know.
        on_progress: Called often with the share that is done.
        on_epoch: Called after each epoch.

    Raises:
        ConfigurationError: The system can't be resolved.
        ValueError: A bag or a state can't be used.
        OfflineError: The system failed.
        OSError: A state can't be saved.
    """
    resolved = choice.resolved()
    store = choice.store(resolved)
    with ExitStack() as stack:
        learned_from, judged_by = (
            [stack.enter_context(_opened(path, say)) for path in paths]
            for paths in (bags, held_out)
        )
        training = Training(resolved, recorder, choice.names)
        if resume != NONE and (found := store.find(resume, say)) is not None:
            training.load(*found)
            say(f"state loaded from {found[0]}")
        training.run(learned_from, judged_by, plan, store, on_progress, on_epoch)


def evaluate(
    choice: Choice,
    states: Sequence[str],
    bags: Sequence[Path],
    say: Callable[[str], object],
    on_progress: Callable[[float], object],
) -> dict[str, list[dict[str, Course]]]:
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
    judged: dict[str, list[dict[str, Course]]] = {}
    with ExitStack() as stack:
        opened = [stack.enter_context(_opened(path, say)) for path in bags]
        total, done = len(states) * sum(bag.seconds for bag in opened), 0.0
        for wanted in states:
            resolved = choice.resolved()
            models, name = _models(choice, resolved, wanted, say)
            judge = Judge(resolved.system, models, choice.names)
            judged[name] = []
            for bag in opened:

                def tell(now_ns: int, bag: Bag = bag, done: float = done) -> None:
                    on_progress((done + (now_ns - bag.start_ns) * 1e-9) / total)

                judged[name].append(judge.judge(bag, tell))
                done += bag.seconds
    return judged


def _models(
    choice: Choice, resolved: ResolvedSystem, wanted: str, say: Callable[[str], object]
) -> tuple[TrainingModelsDict, str]:
    models = TrainingModelsDict(resolved.system.build_models())
    if wanted == NONE:
        return models, NONE
    found = choice.store(resolved).find(wanted, say)
    if found is None:
        folder = choice.states_dir / choice.namespace.strip("/") / LEARNER
        raise StateError(f"expected a state in {folder}, found none")
    path, _ = found
    if wanted not in (LATEST, path.name):
        say(f"there is no state {wanted}: {path.name} before it is judged")
    load_parts({"models": models}, path, None)
    return models, path.name


def _opened(path: Path, say: Callable[[str], object]) -> Bag:
    bag = Bag(path)
    for warning in bag.warnings:
        say(warning)
    return bag
