"""Runner: acts and trains in one process, step by step, the same to the byte in each run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from pamiq_ros.checkpoints import StateStore
from pamiq_ros.core.data import StepBatch
from pamiq_ros.core.recorder import Recorder
from pamiq_ros.core.state import save_json
from pamiq_ros.core.system import System
from pamiq_ros.runtime.errors import ErrorLog
from pamiq_ros.runtime.learner import RECEIVED, Learner
from pamiq_ros.runtime.training_faults import STOP, TrainingFaults

from .drive import Drive, OfflineError
from .sources import Source


@dataclass(frozen=True)
class Schedule:
    """When the trainers run. In a training round each of them runs once, if it has what it needs.

    Attributes:
        every: Ticks from training round to training round; 0: there are none.
        beside: Whether a round runs in a thread beside the ticks that follow, up to the next round,
            when its weights begin to act; else the ticks wait for it.
    """

    every: int = 1
    beside: bool = False


class Runner:
    """A system's actor and learner, stepped by a source.

    What acts in a tick depends on the ticks before and on nothing else, so two runs with the same
    seed give the same commands and weights, however long the trainers take. Where rounds run beside
    the ticks, that asks of agents and trainers that they do not share a random generator: torch's
    global one is shared.

    Args:
        system: The system.
        recorder: Gets the trainers' metrics.
        schedule: When the trainers run.

    Attributes:
        learner: The trainers' side.
        drive: The agent's side.
        ticks: Ticks so far.
        collected: Steps that the agent collected so far.
        versions: Versions of the weights so far.
    """

    def __init__(
        self, system: System, recorder: Recorder, schedule: Schedule | None = None
    ) -> None:
        self.ticks, self.collected, self.versions = 0, 0, 1
        self._schedule = schedule or Schedule()
        faults = TrainingFaults(STOP, STOP)
        self.learner = Learner(system, recorder, ErrorLog(), faults=faults)
        self.drive = Drive(system, self.learner.models, self._collect)
        self.drive.take_weights()
        self._waiting: dict[str, list[Any]] = defaultdict(list)
        # OpenMP counts threads for each thread that starts some.
        threads = partial(torch.set_num_threads, torch.get_num_threads())
        self._pool = ThreadPoolExecutor(1, "training", threads)
        self._round: Future[int] | None = None

    def load(self, state: Path, facts: Mapping[str, Any]) -> None:
        """Resume from a state.

        Raises:
            ValueError: It does not fit the system, or is damaged.
        """
        self.learner.load_state(state)
        self.learner.updates = int(facts["updates"])
        self.versions = int(facts["version"])
        self.drive.take_weights()

    def through(self, source: Source) -> Generator[int, None, None]:
        """Go through a source; gives the time of each tick in ns since 1970, when it is done.

        Raises:
            ValueError: The source lacks what is observed, or is damaged.
            OfflineError: The agent or a trainer failed.
        """
        for now_ns in self.drive.through(source):
            self.ticks += 1
            if self._schedule.every and self.ticks % self._schedule.every == 0:
                self._begin_round()
            yield now_ns

    def train(self) -> int:
        """Run one training round now, with all that was collected; gives how many trained.

        Raises:
            OfflineError: A trainer failed.
        """
        self.settle()
        return self._adopt(self.learner.train_round())

    def settle(self) -> None:
        """Finish the round that runs beside the ticks, and hand over what was collected since.

        Raises:
            OfflineError: A trainer failed.
        """
        if self._round is not None:
            running, self._round = self._round, None
            self._adopt(running.result())
        for buffer, steps in self._waiting.items():
            self.learner.receive(buffer, StepBatch.stack(steps))
        self._waiting.clear()

    def require_experience(self) -> None:
        """Make sure that the agent has collected something, if it has where to.

        Raises:
            OfflineError: It has not; says what kept it from acting.
        """
        if self.learner.users and not self.collected:
            hold, error = self.drive.actor.hold, self.drive.newest_error
            why = error or (f"the agent was held for {hold}" if hold else "it acted without")
            raise OfflineError(f"expected experience to train on, found none: {why}")

    def save(self, store: StateStore) -> Path:
        """Save a state, from which this and the training node can resume.

        Raises:
            OSError: It can't be saved.
            OfflineError: A trainer failed.
        """
        self.settle()

        def write(path: Path, before: Path | None) -> None:
            self.learner.save_state(path, before)
            save_json(path / RECEIVED, [])  # no experience of a robot

        return store.save(
            write, lambda: {"version": self.versions, "updates": self.learner.updates}
        )

    def close(self) -> None:
        """End the training thread."""
        self._pool.shutdown(wait=True)

    def _begin_round(self) -> None:
        self.settle()
        if self._schedule.beside:
            self._round = self._pool.submit(self.learner.train_round)
        else:
            self._adopt(self.learner.train_round())

    def _adopt(self, trained: int) -> int:
        if self.learner.halted:
            raise OfflineError(self.learner.halted)
        if trained:
            self.drive.take_weights()
            self.versions += 1
        return trained

    def _collect(self, buffer: str, step: Any) -> None:
        self._waiting[buffer].append(step)
        self.collected += 1
