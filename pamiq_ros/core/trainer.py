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

"""Trainer: trains models whenever there is enough new data. Recorder: receives its metrics."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from . import time
from .data import DataUser, DataUsersDict
from .model import TrainingModel, TrainingModelsDict
from .state import load_json, save_json
from .state_persistence import PersistentParts, PersistentStateMixin
from .thread import ThreadEventMixin, ThreadEventParts


class Recorder:
    """Base class that discards everything; a node or the runner attaches a subclass."""

    def scalar(self, name: str, value: float) -> None:
        """Record one value of a metric.

        Args:
            name: Name of the metric, such as `loss/reconstruction`.
            value: Its current value.
        """

    def image(self, name: str, make: Callable[[], Tensor]) -> None:
        """Offer an image.

        Args:
            name: Name of the image.
            make: Returns the image, uint8 [3, H, W] rgb on the CPU. It is called only if somebody
                views the image. Training must not depend on that, so `make` samples from a random
                generator of its own.
        """


class Trainer(ABC, PersistentStateMixin, ThreadEventMixin):
    """Base class of trainers. The learner calls `run` repeatedly.

    Attributes:
        recorder: Receives metrics and images; discards them until another one is attached.
    """

    recorder: Recorder = Recorder()
    _training_models: TrainingModelsDict
    _data_users: DataUsersDict

    def __init__(
        self,
        training_condition_data_user: str | None = None,
        min_buffer_size: int = 0,
        min_new_data_count: int = 0,
    ) -> None:
        """Create a trainer.

        Args:
            training_condition_data_user: Name of the data user whose data decides when to train;
                None: train at every run.
            min_buffer_size: Minimum steps in its buffer to train.
            min_new_data_count: Minimum steps that arrived since the last training.
        """
        super().__init__()
        self._retrieved_model_names: set[str] = set()
        self._training_condition_data_user = training_condition_data_user
        self._min_buffer_size = min_buffer_size
        self._min_new_data_count = min_new_data_count
        self._previous_training_time = -math.inf

    def attach_recorder(self, recorder: Recorder) -> None:
        """Send metrics and images to `recorder`."""
        self.recorder = recorder

    def attach_training_models(self, training_models: TrainingModelsDict) -> None:
        """Attach the models. Called before the first run."""
        self._training_models = training_models
        self.on_training_models_attached()

    def on_training_models_attached(self) -> None:
        """Override to get the required models with `get_training_model`."""

    def attach_data_users(self, data_users: DataUsersDict) -> None:
        """Attach the data users. Called before the first run."""
        self._data_users = data_users
        self.on_data_users_attached()

    def on_data_users_attached(self) -> None:
        """Override to get the required data users with `get_data_user`."""

    def get_training_model(self, name: str) -> TrainingModel[Any]:
        """Return the training model of that name. It is synchronized after each training.

        Raises:
            KeyError: No model has that name, or it is never trained.
        """
        model = self._training_models[name]
        self._retrieved_model_names.add(name)
        return model

    def get_data_user(self, name: str) -> DataUser[Any]:
        """Return the data user of that name.

        Raises:
            KeyError: No data user has that name.
        """
        return self._data_users[name]

    def is_trainable(self) -> bool:
        """Return whether there is enough old and new data. True restarts the count of new data."""
        if self._training_condition_data_user is None:
            return True
        user = self.get_data_user(self._training_condition_data_user)
        user.update()
        new = user.count_data_added_since(self._previous_training_time)
        trainable = len(user) >= self._min_buffer_size and new >= self._min_new_data_count
        if trainable:
            self._previous_training_time = time.time()
        return trainable

    def setup(self) -> None:
        """Called before each training."""

    @abstractmethod
    def train(self) -> None:
        """Train once. The retrieved models are synchronized afterwards."""

    def sync_models(self) -> None:
        """Copy the weights of the retrieved models to their inference models."""
        for name in self._retrieved_model_names:
            self._training_models[name].sync()

    def teardown(self) -> None:
        """Called after each training."""

    def run(self) -> bool:
        """Train once if there is enough data; return whether it trained."""
        if not self.is_trainable():
            return False
        self.setup()
        self.train()
        self.sync_models()
        self.teardown()
        return True

    def save_state(self, path: Path) -> None:
        """Save the time of the last training in the directory `path`."""
        path.mkdir()
        last = self._previous_training_time
        save_json(
            path / "trainer", {"previous_training_time": last if math.isfinite(last) else None}
        )

    def load_state(self, path: Path) -> None:
        """Load the time of the last training."""
        last = load_json(path / "trainer")["previous_training_time"]
        self._previous_training_time = -math.inf if last is None else float(last)


class TrainersDict(PersistentParts, ThreadEventParts, OrderedDict[str, Trainer]):
    """Trainers by name, in the order in which they run."""

    def attach_training_models(self, training_models: TrainingModelsDict) -> None:
        """Attach the models to every trainer."""
        for trainer in self.values():
            trainer.attach_training_models(training_models)

    def attach_data_users(self, data_users: DataUsersDict) -> None:
        """Attach the data users to every trainer."""
        for trainer in self.values():
            trainer.attach_data_users(data_users)

    def _parts(self) -> Mapping[str, Any]:
        return self
