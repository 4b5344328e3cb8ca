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

"""`pamiq-ros evaluate`: the metrics of states on bags, with the best and worst frames."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from pamiq_ros.checkpoints import LATEST, StateError
from pamiq_ros.core.config import ResolvedSystem
from pamiq_ros.core.evaluator import Evaluator
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.state_persistence import load_parts
from pamiq_ros.core.system import System

from .drive import Drive, OfflineError
from .recorded_commands import CommandDifferences
from .session import NONE, Choice, Progress, open_bags
from .sources import BagSource

SHOWN = 4


@dataclass(order=True)
class Frame:
    """A step with one of the highest or lowest values.

    Attributes:
        rank: The value, or minus the value; frames are ordered by it.
        number: Index of the step among the evaluated steps.
        value: The metric's value.
        seconds: Time in s from the bag's first message.
        picture: Image of the step, uint8 [3, H, W]; None if it has none.
    """

    rank: float
    number: int
    value: float = field(compare=False)
    seconds: float = field(compare=False)
    picture: Tensor | None = field(compare=False)


@dataclass
class MetricCurve:
    """One metric over the steps of a bag.

    Attributes:
        seconds: Time of each step in s from the bag's first message.
        values: Value of each step.
        worst: The frames with the highest values, highest first.
        best: The frames with the lowest values, lowest first.
    """

    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    worst: list[Frame] = field(default_factory=list)
    best: list[Frame] = field(default_factory=list)

    def add(self, seconds: float, value: float, make_picture: Callable[[], Tensor | None]) -> None:
        """Append a value; `make_picture` is called only for one of the best or worst frames."""
        number = len(self.values)
        self.seconds.append(seconds)
        self.values.append(value)
        for frames, rank in ((self.worst, value), (self.best, -value)):
            if len(frames) < SHOWN or rank > frames[0].rank:
                heapq.heappush(frames, Frame(rank, number, value, seconds, make_picture()))
                if len(frames) > SHOWN:
                    heapq.heappop(frames)

    def end(self) -> None:
        """Sort the frames."""
        self.worst.sort(reverse=True)
        self.best.sort(reverse=True)


class StateEvaluation:
    """Runs a system on bags and evaluates the steps that it collects.

    Args:
        system: The system.
        models: The models to evaluate.
    """

    def __init__(self, system: System, models: TrainingModelsDict) -> None:
        self._evaluators = system.build_evaluators()
        for evaluator in self._evaluators.values():
            evaluator.attach_training_models(models)
        self._steps: list[tuple[str, Any]] = []
        self._drive = Drive(system, models, lambda *step: self._steps.append(step))
        self._drive.take_weights()

    def evaluate(self, bag: BagSource, on_tick: Callable[[int], object]) -> dict[str, MetricCurve]:
        """Return the curves of all metrics over a bag, by name; lower is better in each.

        Args:
            bag: The bag.
            on_tick: Called at each tick with the bag's time in ns since 1970.

        Raises:
            BagError: The bag lacks an observed topic, or is damaged.
            OfflineError: The system failed, or a metric is not finite.
        """
        curves: dict[str, MetricCurve] = {}
        commands = CommandDifferences(bag.bag, self._drive.robot)
        for evaluator in self._evaluators.values():
            evaluator.begin()
        for now_ns in self._drive.through(bag):
            seconds = (now_ns - bag.start_ns) * 1e-9
            steps, self._steps[:] = list(self._steps), []
            for evaluator in self._evaluators.values():
                for buffer, step in steps:
                    if buffer == evaluator.buffer:
                        self._add(curves, seconds, evaluator, step)
            if not self._drive.actor.stop_reason:
                for name, value in commands.differences(now_ns).items():
                    curves.setdefault(name, MetricCurve()).add(seconds, value, lambda: None)
            on_tick(now_ns)
        for curve in curves.values():
            curve.end()
        return curves

    def _add(
        self, curves: dict[str, MetricCurve], seconds: float, evaluator: Evaluator, step: Any
    ) -> None:
        for name, value in evaluator.evaluate(step).items():
            if not math.isfinite(value):
                kind = type(evaluator).__name__
                raise OfflineError(f"{kind}: '{name}': expected a finite number, found {value}")
            curves.setdefault(name, MetricCurve()).add(
                seconds, value, lambda: evaluator.picture(step)
            )


def mean_of(curves: Sequence[Mapping[str, MetricCurve]], name: str) -> float:
    """Return the mean of a metric over all steps of several bags; NaN without steps."""
    values = [value for each in curves if name in each for value in each[name].values]
    return math.fsum(values) / len(values) if values else math.nan


def evaluate(
    choice: Choice,
    states: Sequence[str],
    bags: Sequence[Path],
    say: Callable[[str], object],
    on_progress: Progress,
) -> dict[str, list[dict[str, MetricCurve]]]:
    """Evaluate states of a system on bags.

    Args:
        choice: The system.
        states: Ids of states, `latest`, or `none` for initial weights.
        bags: The bags to evaluate on.
        say: Called with each warning.
        on_progress: Called often with the share that is done, from 0 to 1.

    Returns:
        By state and for each bag, the curves of all metrics by name.

    Raises:
        ConfigurationError: The system cannot be resolved.
        ValueError: A bag or a state cannot be used.
        OfflineError: The system failed.
    """
    results: dict[str, list[dict[str, MetricCurve]]] = {}
    with ExitStack() as stack:
        sources = [BagSource(bag, choice.names) for bag in open_bags(stack, bags, say)]
        total, done = max(len(states) * sum(bag.seconds for bag in sources), 1e-9), 0.0
        for wanted in states:
            resolved = choice.resolved()
            models, name = _models(choice, resolved, wanted, say)
            evaluation = StateEvaluation(resolved.system, models)
            results[name] = []
            for source in sources:

                def on_tick(
                    now_ns: int, start_ns: int = source.start_ns, done: float = done
                ) -> None:
                    on_progress((done + (now_ns - start_ns) * 1e-9) / total)

                results[name].append(evaluation.evaluate(source, on_tick))
                done += source.seconds
    return results


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
        say(f"there is no state {wanted}: {path.name} before it is evaluated")
    load_parts({"models": models}, path, None)
    return models, path.name
