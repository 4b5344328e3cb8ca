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

"""Learner: runs training rounds in a thread while there is enough data."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from pamiq_ros.core.data import DataUsersDict
from pamiq_ros.core.model import TrainingModel, TrainingModelsDict
from pamiq_ros.core.seeding import Generators
from pamiq_ros.core.state import reusing
from pamiq_ros.core.state_persistence import PersistentStateMixin, load_parts
from pamiq_ros.core.system import System
from pamiq_ros.core.trainer import Recorder, TrainersDict

from .errors import ErrorLog
from .safe_points import BetweenRuns
from .training_faults import EXIT, RETRY, TrainingFaults

BUFFERS = "buffers"
RECEIVED = "experience"
"""File of a learner's state with the received sequence numbers of each source."""

_AFTER_ERROR_S = 1.0
_IDLE_S = 0.5


class Learner:
    """The buffers, models and trainers of a system: the training node's part.

    Attributes:
        models: The training models, by name.
        users: The data users, by buffer name.
        updates: Number of runs in which a trainer trained.
        halted: The fault that stopped training; empty while training continues.
    """

    def __init__(
        self,
        system: System,
        recorder: Recorder,
        errors: ErrorLog,
        prepare: Callable[[], None] = lambda: None,
        faults: TrainingFaults | None = None,
    ) -> None:
        """Build the buffers, the models and the trainers; no agent, no sensor.

        Args:
            system: The system.
            recorder: Receives metrics and images of the trainers.
            errors: Receives the faults of trainers.
            prepare: Called first in each new training thread, for settings of the thread.
            faults: Policy for faults of trainers.
        """
        self.updates = 0
        self.halted = ""
        self.models = TrainingModelsDict(system.build_models())
        buffers = system.build_buffers()
        self._capacities = {name: getattr(b, "max_size", None) for name, b in buffers.items()}
        self.users = DataUsersDict.from_data_buffers(buffers)
        self._trainers = TrainersDict(system.build_trainers())
        self._trainers.attach_training_models(self.models)
        self._trainers.attach_data_users(self.users)
        for trainer in self._trainers.values():
            trainer.attach_recorder(recorder)
        self._errors = errors
        self._prepare = prepare
        self._faults = faults or TrainingFaults()
        self._stop = threading.Event()
        self._between = BetweenRuns()
        self._thread: threading.Thread | None = None

    @property
    def running(self) -> bool:
        """Whether the training thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def started(self) -> bool:
        """Whether `stop` has not been called since `start`."""
        return self._thread is not None

    def trained_models(self) -> dict[str, TrainingModel[Any]]:
        """Return the models whose weights the inference node needs, by name."""
        return {
            name: model
            for name, model in self.models.data.items()
            if model.has_inference_model and not model.inference_thread_only
        }

    def set_sync_target(self, name: str, target: Callable[[Mapping[str, Any]], None]) -> None:
        """Call `target` with the weights of model `name` whenever a trainer synchronizes it."""
        self.trained_models()[name].set_sync_target(target)

    def train_round(self) -> int:
        """Run each trainer once in this thread. Not while the training thread runs.

        Returns:
            How many of them trained.
        """
        return sum(self._run_one(name) for name in self._trainers)

    def start(self) -> None:
        """Publish the present weights, so that the actor can begin, and start to train.

        Restarts training after a fault too.
        """
        if self.running:
            return
        self._stop.clear()
        self.halted = ""
        self._trainers.on_resumed()
        self._thread = threading.Thread(target=self._run, name="train", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 5.0) -> bool:
        """Stop after the current run of a trainer.

        Returns:
            Whether it ended within `timeout` s. If not, training continues.
        """
        if self._thread is None:
            return True
        self._stop.set()
        self.users.received.set()
        self._thread.join(timeout)
        if self.running:
            self._stop.clear()
            return False
        self._thread = None
        self._trainers.on_paused()
        return True

    def fill(self) -> dict[str, dict[str, int | None]]:
        """Return `size`, `capacity` and `dropped` of each buffer, in steps.

        A capacity of None is unknown. Dropped steps were received, but replaced by newer ones
        before they were in the buffer.
        """
        return {
            name: {
                "size": len(user),
                "capacity": self._capacities[name],
                "dropped": user.dropped,
            }
            for name, user in self.users.items()
        }

    def save_state(self, path: Path, before: Path | None = None, timeout: float = 60.0) -> None:
        """Save models, trainers, buffers and random generators below the directory `path`.

        Training continues while most of the buffers is written, and waits for the rest.

        Args:
            path: An existing directory.
            before: Directory of an earlier state; unchanged files are linked.
            timeout: Maximum time to wait for the current run of a trainer, in s.

        Raises:
            OSError: The files cannot be written.
            TimeoutError: The run did not end within `timeout`.
            TypeError: A part cannot be saved; names it.
        """
        with reusing(before, path):
            self.users.save_ahead(path / BUFFERS)
            with self._between.work(timeout):
                for name, part in self._parts().items():
                    part.save_state(path / name)

    def load_state(self, path: Path, on_mismatch: Callable[[str], object] | None = None) -> None:
        """Load what `save_state` saved. Not while training.

        Args:
            path: The state's directory.
            on_mismatch: Called with a text for each part that does not match; None: a mismatch
                raises.

        Raises:
            ValueError: A part does not match the system, or is damaged; names the file.
        """
        load_parts(self._parts(), path, on_mismatch)

    def restore(self, path: Path) -> None:
        """Load models and trainers only; buffers and generators stay.

        Args:
            path: The state's directory.

        Raises:
            ValueError: A part does not match the system, or is damaged; names the file.
        """
        load_parts({"models": self.models, "trainers": self._trainers}, path, None)

    def _parts(self) -> dict[str, PersistentStateMixin]:
        return {
            "models": self.models,
            "trainers": self._trainers,
            BUFFERS: self.users,
            "generators": Generators(),
        }

    def _run(self) -> None:
        # This thread alone: receiving experience stays at full priority.
        self._prepare()
        self._publish_all()
        while not self._stop.is_set():
            self.users.received.clear()
            if not self.train_round():
                self.users.received.wait(_IDLE_S)

    def _publish_all(self) -> None:
        try:
            for model in self.trained_models().values():
                model.sync()
        except Exception as error:
            self._on_fault("the weights to begin with", error)

    def _run_one(self, name: str) -> bool:
        if self._stop.is_set():
            return False
        try:
            with self._between.run():
                if self._stop.is_set():  # it may have come while a state was being saved
                    return False
                trained = self._trainers[name].run()
        except Exception as error:  # a trainer's fault must not take the node down
            self._on_fault(f"trainer '{name}'", error)
            return False
        self.updates += trained
        return trained

    def _on_fault(self, where: str, error: Exception) -> None:
        with self._between.run():  # nobody saves what is being reloaded
            decision, text = self._faults.decide(where, error)
        self._errors.add(text)
        if decision == RETRY:
            self._stop.wait(_AFTER_ERROR_S)
            return
        self.halted = text
        self._stop.set()
        if decision == EXIT:
            self._faults.give_up(text)
