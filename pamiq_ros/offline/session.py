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

"""What `train`, `replay --lockstep` and `evaluate` share: system, states, bags, runner, output.

`replay` is here too; `train` is in `training.py`, `evaluate` in `evaluation.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

from pamiq_ros.checkpoints import Configuration, RetentionPolicy, StateStore
from pamiq_ros.core.config import ResolvedSystem, resolve_system
from pamiq_ros.core.seeding import seed_everything
from pamiq_ros.core.system import System
from pamiq_ros.core.trainer import Recorder
from pamiq_ros.offline.bags import Bag

from .recorded_commands import CommandDifferences
from .runner import Runner, Schedule
from .sources import BagSource

NONE = "none"
LEARNER = "pamiq_training"

Progress = Callable[[float], object]
"""Called often with the share that is done, from 0 to 1."""


@dataclass(frozen=True)
class Choice:
    """The system to run.

    Attributes:
        system: Its name, `module:callable` or `file.py:callable`.
        config_file: YAML file with its configuration; empty for none.
        overrides: Texts `key=value`.
        seed: Seed of all random generators.
        torch_threads: Number of torch's threads.
        states_dir: Folder of states; None for none.
        namespace: Namespace of the robot whose states these are; empty for the root.
        names: New names of topics of the bags, by their names in the bags.
        states_keep: Number of newest states to keep.
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
        """Folder of the training node's states; None without a folder of states."""
        return self.states_dir and self.states_dir / self.namespace.strip("/") / LEARNER

    def resolved(self) -> ResolvedSystem:
        """Seed the random generators, set torch's threads and resolve the system.

        Raises:
            ConfigurationError: The system cannot be resolved.
        """
        seed_everything(self.seed)
        torch.set_num_threads(self.torch_threads)
        return resolve_system(self.system, self.config_file, list(self.overrides))

    def opened(self) -> tuple[ResolvedSystem, StateStore | None]:
        """Return the system, see `resolved`, and its states, see `store`."""
        resolved = self.resolved()
        return resolved, self.store(resolved)

    def store(self, resolved: ResolvedSystem) -> StateStore | None:
        """Return the states of the system's training node; None without a folder of states."""
        if (folder := self.folder) is None:
            return None
        return StateStore(folder, Configuration.of(resolved), RetentionPolicy(self.states_keep))


class Metrics(Recorder):
    """Keeps the newest value of each metric.

    Attributes:
        values: The values by name.
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
        recorder: Receives the trainers' metrics.
        say: Shows a line of text.
        on_progress: Called often with the share that is done, from 0 to 1.
    """

    recorder: Recorder
    say: Callable[[str], object]
    on_progress: Progress


def replay(
    choice: Choice,
    bag: Path,
    span_s: tuple[float, float],
    schedule: Schedule,
    resume: str,
    output: Output,
) -> dict[str, float]:
    """Act and train on a bag once.

    Args:
        choice: The system. A state is saved at the end if it has a folder of states.
        bag: The bag.
        span_s: Start and end in s from the bag's first message; an end of 0 is the bag's end.
        schedule: When the trainers run.
        resume: State to resume from: `latest`, `none` or an id.
        output: Where the output goes.

    Returns:
        By axis, the mean difference of the commands from those recorded, in m/s and rad/s.

    Raises:
        ConfigurationError: The system cannot be resolved.
        ValueError: The bag or a state cannot be used.
        OfflineError: The system failed.
        OSError: The state cannot be saved.
    """
    resolved, store = choice.opened()
    with ExitStack() as stack:
        [opened] = open_bags(stack, [bag], output.say)
        source = BagSource(opened, choice.names, *span_s)
        runner = stack.enter_context(open_runner(resolved.system, schedule, store, resume, output))
        commands = CommandDifferences(opened, runner.drive.robot)
        differences: dict[str, list[float]] = {}
        for now_ns in runner.through(source):
            if not runner.drive.actor.stop_reason:
                for name, value in commands.differences(now_ns).items():
                    differences.setdefault(name, []).append(value)
            output.on_progress((now_ns - source.start_ns) * 1e-9 / max(source.seconds, 1e-9))
        runner.settle()
        saved = f" | saved {runner.save(store).name}" if store is not None else ""
        output.say(f"{runner.ticks} ticks | {runner.learner.updates} updates{saved}")
    return {name: math.fsum(values) / len(values) for name, values in differences.items()}


@contextmanager
def open_runner(
    system: System, schedule: Schedule, store: StateStore | None, resume: str, output: Output
) -> Iterator[Runner]:
    """Make a runner, resumed from a state if there is one.

    At the end it is closed and the warnings about its observations are shown, one per sensor.

    Raises:
        StateError: The state cannot be used.
    """
    runner = Runner(system, output.recorder, schedule)
    try:
        found = store.find(resume, output.say) if store is not None and resume != NONE else None
        if found is not None:
            runner.load(*found)
            output.say(f"state loaded from {found[0]}")
        yield runner
    finally:
        for warning in runner.drive.robot.warnings:
            output.say(warning)
        runner.close()


def open_bags(stack: ExitStack, paths: Sequence[Path], say: Callable[[str], object]) -> list[Bag]:
    """Open bags until the stack closes, and show their warnings."""
    bags = [stack.enter_context(Bag(path)) for path in paths]
    for bag in bags:
        for warning in bag.warnings:
            say(warning)
    return bags
