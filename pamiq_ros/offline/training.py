"""Training from bags: buffers filled and trainers run without a robot, the best state kept."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pamiq_ros.checkpoints import StateStore
from pamiq_ros.core.config import ResolvedSystem
from pamiq_ros.core.data import StepBatch
from pamiq_ros.core.recorder import Recorder
from pamiq_ros.core.state import save_json
from pamiq_ros.offline.bags import Bag
from pamiq_ros.runtime.errors import ErrorLog
from pamiq_ros.runtime.learner import CAME, Learner
from pamiq_ros.runtime.training_faults import STOP, TrainingFaults

from .drive import Drive, OfflineError
from .judging import Judge, mean_of

LEAST_GAIN = 1e-4
"""A score is better than another if it is less by this share of it; else it is noise."""


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        epochs: Passes through the bags, in each of which trainers have turns.
        updates: Instead: fill the buffers once, then train so often; 0: by epochs.
        train_every: Ticks from turn to turn of the trainers, in an epoch.
        patience: Epochs without a better score after which to end; 0: never.
    """

    epochs: int = 10
    updates: int = 0
    train_every: int = 1
    patience: int = 0


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


class Training:
    """A learner and a drive through bags.

    Args:
        resolved: The system.
        recorder: Gets the trainers' metrics.
        names: New names of topics of the bags, by those they have there.
    """

    def __init__(
        self,
        resolved: ResolvedSystem,
        recorder: Recorder,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._system, self._names = resolved.system, names
        faults = TrainingFaults(STOP, STOP)
        self.learner = Learner(resolved.system, recorder, ErrorLog(), faults=faults)
        self._drive = Drive(resolved.system, self.learner.models, self._collect, names)
        self._drive.take_weights()
        self._best = sys.float_info.max
        self._versions = 1

    def load(self, state: Path, facts: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ValueError: It does not fit the system, or is damaged.
        """
        self.learner.load_state(state)
        self.learner.updates = int(facts["updates"])
        self._versions = int(facts["version"])
        self._drive.take_weights()

    def run(
        self,
        bags: Sequence[Bag],
        held_out: Sequence[Bag],
        plan: Plan,
        store: StateStore,
        on_progress: Callable[[float], object],
        on_epoch: Callable[[Epoch], object],
    ) -> None:
        """Train.

        Args:
            bags: What to learn from.
            held_out: What to judge by.
            plan: How long.
            store: Where states are saved: the best one last, or without bags to judge by the last.
            on_progress: Called often with the share that is done, from 0 to 1.
            on_epoch: Called after each epoch; what is trained by updates is one.

        Raises:
            BagError: A bag lacks what is observed, or is damaged.
            OfflineError: The system failed.
            OSError: A state can't be saved.
        """
        worse = 0
        epochs = 1 if plan.updates else plan.epochs
        for number in range(1, epochs + 1):
            self._pass(bags, plan, _part(on_progress, number - 1, epochs))
            scores = self._judge(held_out)
            score = next(iter(scores.values()), -number)
            is_better = score < self._best - LEAST_GAIN * abs(self._best)
            worse = 0 if is_better else worse + 1
            self._best = score if is_better else self._best
            saved = self._save(store) if is_better else None
            on_epoch(Epoch(number, self.learner.updates, scores, saved))
            if plan.patience and worse >= plan.patience:
                return

    def _pass(
        self, bags: Sequence[Bag], plan: Plan, on_progress: Callable[[float], object]
    ) -> None:
        total = sum(bag.seconds for bag in bags)
        done = 0.0
        every = 0 if plan.updates else plan.train_every
        for bag in bags:
            for tick, now_ns in enumerate(self._drive.through(bag), start=1):
                if every and tick % every == 0:
                    self._turn()
                if not plan.updates:
                    on_progress((done + (now_ns - bag.start_ns) * 1e-9) / total)
            done += bag.seconds
        began = self.learner.updates
        while (made := self.learner.updates - began) < plan.updates:
            if not self._turn():
                raise OfflineError(
                    f"expected {plan.updates} updates, found no trainer that trains after {made}: "
                    "the buffers hold too little for their conditions"
                )
            on_progress(made / plan.updates)

    def _turn(self) -> int:
        trained = self.learner.turn()
        if self.learner.halted:
            raise OfflineError(self.learner.halted)
        if trained:
            self._drive.take_weights()
            self._versions += 1
        return trained

    def _judge(self, held_out: Sequence[Bag]) -> dict[str, float]:
        if not held_out:
            return {}
        judge = Judge(self._system, self.learner.models, self._names)
        courses = [judge.judge(bag, lambda now: None) for bag in held_out]
        names = dict.fromkeys(name for each in courses for name in each)
        return {name: mean_of(courses, name) for name in names}

    def _save(self, store: StateStore) -> Path:
        def write(path: Path, before: Path | None) -> None:
            self.learner.save_state(path, before)
            save_json(path / CAME, [])  # no experience of a robot

        return store.save(
            write, lambda: {"version": self._versions, "updates": self.learner.updates}
        )

    def _collect(self, buffer: str, step: Any) -> None:
        self.learner.receive(buffer, StepBatch.stack([step]))


def _part(
    on_progress: Callable[[float], object], index: int, count: int
) -> Callable[[float], object]:
    return lambda share: on_progress((index + share) / count)
