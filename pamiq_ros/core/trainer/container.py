"""Trainers by name."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from ..data import DataUsersDict
from ..model import TrainingModelsDict
from ..state_persistence import PersistentParts
from ..thread import ThreadEventParts
from .base import Trainer


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
