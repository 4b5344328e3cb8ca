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

"""Runner: acts and trains in one process, step by step; equal inputs give identical results."""

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
from pamiq_ros.core.state import save_json
from pamiq_ros.core.system import System
from pamiq_ros.core.trainer import Recorder
from pamiq_ros.runtime.errors import ErrorLog
from pamiq_ros.runtime.learner import RECEIVED, Learner
from pamiq_ros.runtime.training_faults import STOP, TrainingFaults

from .drive import Drive, OfflineError
from .sources import Source


@dataclass(frozen=True)
class Schedule:
    """When the trainers run. A training round runs each trainer once, if it has enough data.

    Attributes:
        every: Ticks between two training rounds; 0: no rounds.
        beside: Whether a round runs in a second thread while the actor keeps ticking. Its weights
            are adopted before the next round. Else the ticks wait for the round.
    """

    every: int
    beside: bool = False


class Runner:
    """A system's actor and learner, stepped by a source.

    The weights of a tick depend only on the ticks before it, so two runs with the same seed give
    the same commands and weights, however long training takes. With `Schedule.beside`, agent and
    trainers must not share a random generator, such as torch's global one.

    Args:
        system: The system.
        recorder: Receives the trainers' metrics.
        schedule: When the trainers run.

    Attributes:
        learner: The learner.
        drive: The actor's drive.
        ticks: Number of ticks so far.
        collected: Number of steps collected so far.
        versions: Number of weights versions so far.
    """

    def __init__(self, system: System, recorder: Recorder, schedule: Schedule) -> None:
        self.ticks, self.collected, self.versions = 0, 0, 1
        self._schedule = schedule
        faults = TrainingFaults(STOP, STOP)
        self.learner = Learner(system, recorder, ErrorLog(), faults=faults)
        self.drive = Drive(system, self.learner.models, self._collect)
        self.drive.take_weights()
        self._waiting: dict[str, list[Any]] = defaultdict(list)
        # OpenMP keeps the number of threads per calling thread.
        threads = partial(torch.set_num_threads, torch.get_num_threads())
        self._pool = ThreadPoolExecutor(1, "training", threads)
        self._round: Future[int] | None = None

    def load(self, state: Path, facts: Mapping[str, Any]) -> None:
        """Resume from a state.

        Raises:
            ValueError: The state does not fit the system, or is damaged.
        """
        self.learner.load_state(state)
        self.learner.updates = int(facts["updates"])
        self.versions = int(facts["version"])
        self.drive.take_weights()

    def through(self, source: Source) -> Generator[int, None, None]:
        """Tick through a source; yield the time of each tick in ns since 1970 after it.

        Raises:
            ValueError: The source lacks an observed topic, or is damaged.
            OfflineError: The agent or a trainer failed.
        """
        for now_ns in self.drive.through(source):
            self.ticks += 1
            if self._schedule.every and self.ticks % self._schedule.every == 0:
                self._begin_round()
            yield now_ns

    def train(self) -> int:
        """Run one training round now on all collected steps; return how many trainers ran.

        Raises:
            OfflineError: A trainer failed.
        """
        self.settle()
        return self._adopt(self.learner.train_round())

    def settle(self) -> None:
        """Wait for the round in the second thread, then hand the collected steps to the learner.

        Raises:
            OfflineError: A trainer failed.
        """
        if self._round is not None:
            running, self._round = self._round, None
            self._adopt(running.result())
        for buffer, steps in self._waiting.items():
            self.learner.users.receive(buffer, StepBatch.stack(steps))
        self._waiting.clear()

    def require_experience(self) -> None:
        """Check that the agent has collected steps, if the system has buffers.

        Raises:
            OfflineError: There are none; names what kept the agent from acting.
        """
        if self.learner.users and not self.collected:
            hold, error = self.drive.actor.stop_reason, self.drive.newest_error
            why = error or (
                f"the agent was stopped by {hold}" if hold else "it acted, but collected nothing"
            )
            raise OfflineError(f"expected experience to train on, found none: {why}")

    def save(self, store: StateStore) -> Path:
        """Save a state from which the runner and the training node can resume.

        Raises:
            OSError: The state cannot be saved.
            OfflineError: A trainer failed.
        """
        self.settle()

        def write(path: Path, before: Path | None) -> None:
            self.learner.save_state(path, before)
            save_json(path / RECEIVED, [])  # no experience from an inference node

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
