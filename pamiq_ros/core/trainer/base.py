"""Trainer: learns from data, again and again, whenever there is enough that is new."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from .. import time
from ..data import DataUser, DataUsersDict
from ..model import TrainingModel, TrainingModelsDict
from ..recorder import Recorder
from ..state import load_json, save_json
from ..state_persistence import PersistentStateMixin
from ..thread import ThreadEventMixin


class Trainer(ABC, PersistentStateMixin, ThreadEventMixin):
    """Trains models from the data of data users; `run` is called over and over.

    Attributes:
        recorder: Takes metrics and pictures; keeps nothing until one is attached.
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
        """Make a trainer.

        Args:
            training_condition_data_user: The data user whose data decides when to train; None:
                always.
            min_buffer_size: Fewest steps in its buffer to train.
            min_new_data_count: Fewest steps that arrived since the last training.
        """
        super().__init__()
        self._retrieved_model_names: set[str] = set()
        self._training_condition_data_user = training_condition_data_user
        self._min_buffer_size = min_buffer_size
        self._min_new_data_count = min_new_data_count
        self._previous_training_time = -math.inf

    def attach_recorder(self, recorder: Recorder) -> None:
        """Have metrics and pictures go to `recorder`."""
        self.recorder = recorder

    def attach_training_models(self, training_models: TrainingModelsDict) -> None:
        """Give this trainer the models, before the first run."""
        self._training_models = training_models
        self.on_training_models_attached()

    def on_training_models_attached(self) -> None:
        """Override to get the models that are needed, with `get_training_model`."""

    def attach_data_users(self, data_users: DataUsersDict) -> None:
        """Give this trainer the data users, before the first run."""
        self._data_users = data_users
        self.on_data_users_attached()

    def on_data_users_attached(self) -> None:
        """Override to get the data users that are needed, with `get_data_user`."""

    def get_training_model(self, name: str) -> TrainingModel[Any]:
        """The training model of a name; from now on it is synchronized after each training.

        Raises:
            KeyError: There is none of that name, or it is never trained.
        """
        model = self._training_models[name]
        self._retrieved_model_names.add(name)
        return model

    def get_data_user(self, name: str) -> DataUser[Any]:
        """The data user of a name.

        Raises:
            KeyError: There is none of that name.
        """
        return self._data_users[name]

    def is_trainable(self) -> bool:
        """Whether there is enough data, of which enough is new; True begins a new count."""
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
        """Train once; the models that were retrieved are synchronized afterwards."""

    def sync_models(self) -> None:
        """Hand the parameters of the retrieved models to their inference sides."""
        for name in self._retrieved_model_names:
            self._training_models[name].sync()

    def teardown(self) -> None:
        """Called after each training."""

    def run(self) -> bool:
        """Train if there is enough data.

        Returns:
            Whether it trained.
        """
        if not self.is_trainable():
            return False
        self.setup()
        self.train()
        self.sync_models()
        self.teardown()
        return True

    def save_state(self, path: Path) -> None:
        """Save when it last trained in the directory `path`."""
        path.mkdir()
        last = self._previous_training_time
        save_json(
            path / "trainer", {"previous_training_time": last if math.isfinite(last) else None}
        )

    def load_state(self, path: Path) -> None:
        """Load when it last trained."""
        last = load_json(path / "trainer")["previous_training_time"]
        self._previous_training_time = -math.inf if last is None else float(last)
