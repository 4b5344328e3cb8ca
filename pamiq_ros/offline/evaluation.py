"""Judging: the metrics of a set of weights on a bag, and its best and worst frames."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from pamiq_ros.core.evaluator import Evaluator
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.system import System

from .drive import Drive, OfflineError
from .recorded_commands import Agreement
from .sources import BagSource

SHOWN = 4


@dataclass(order=True)
class Frame:
    """A step that stands out.

    Attributes:
        rank: Its value, or less than that; frames are ordered by it.
        number: The how many-th of the steps that were judged.
        value: Its value of the metric.
        seconds: When it was, in s from the bag's first message.
        picture: What there is to see, uint8 [3, H, W].
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
        seconds: When each step was, in s from the bag's first message.
        values: The metric of each.
        worst: The frames with the highest values, highest first.
        best: Those with the lowest, lowest first.
    """

    seconds: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    worst: list[Frame] = field(default_factory=list)
    best: list[Frame] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """The mean of the values; NaN when there are none."""
        return math.fsum(self.values) / len(self.values) if self.values else math.nan

    def add(self, seconds: float, value: float, picture: Callable[[], Tensor | None]) -> None:
        """Take a value; the picture is only made for a frame that stands out."""
        number = len(self.values)
        self.seconds.append(seconds)
        self.values.append(value)
        for frames, rank in ((self.worst, value), (self.best, -value)):
            if len(frames) < SHOWN or rank > frames[0].rank:
                heapq.heappush(frames, Frame(rank, number, value, seconds, picture()))
                if len(frames) > SHOWN:
                    heapq.heappop(frames)

    def end(self) -> None:
        """Put the frames in order."""
        self.worst.sort(reverse=True)
        self.best.sort(reverse=True)


class StateEvaluation:
    """Drives a system through bags and judges what it collects.

    Args:
        system: The system.
        models: The weights to be judged.
    """

    def __init__(self, system: System, models: TrainingModelsDict) -> None:
        self._evaluators = system.build_evaluators()
        for evaluator in self._evaluators.values():
            evaluator.attach_training_models(models)
        self._steps: list[tuple[str, Any]] = []
        self._drive = Drive(system, models, lambda *step: self._steps.append(step))
        self._drive.take_weights()

    def judge(self, bag: BagSource, on_tick: Callable[[int], object]) -> dict[str, MetricCurve]:
        """The courses of all metrics over a bag, by name; less is better in each.

        Args:
            bag: The bag.
            on_tick: Called with the bag's time at each tick, in ns since 1970.

        Raises:
            BagError: The bag lacks what is observed, or is damaged.
            OfflineError: The system failed, or gave a metric that is not finite.
        """
        courses: dict[str, MetricCurve] = {}
        agreement = Agreement(bag.bag, self._drive.robot)
        for evaluator in self._evaluators.values():
            evaluator.begin()
        for now_ns in self._drive.through(bag):
            seconds = (now_ns - bag.start_ns) * 1e-9
            steps, self._steps[:] = list(self._steps), []
            for evaluator in self._evaluators.values():
                for buffer, step in steps:
                    if buffer == evaluator.buffer:
                        self._take(courses, seconds, evaluator, step)
            if not self._drive.actor.hold:
                for name, value in agreement.differences(now_ns).items():
                    courses.setdefault(name, MetricCurve()).add(seconds, value, lambda: None)
            on_tick(now_ns)
        for course in courses.values():
            course.end()
        return courses

    def _take(
        self, courses: dict[str, MetricCurve], seconds: float, evaluator: Evaluator, step: Any
    ) -> None:
        for name, value in evaluator.evaluate(step).items():
            if not math.isfinite(value):
                kind = type(evaluator).__name__
                raise OfflineError(f"{kind}: '{name}': expected a finite number, found {value}")
            courses.setdefault(name, MetricCurve()).add(
                seconds, value, lambda: evaluator.picture(step)
            )


def mean_of(courses: Sequence[Mapping[str, MetricCurve]], name: str) -> float:
    """The mean of a metric over all steps of several bags."""
    values = [value for each in courses if name in each for value in each[name].values]
    return math.fsum(values) / len(values) if values else math.nan
