"""Environment: what an agent observes and acts on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, TypeVar

from ..state_persistence import PersistentStateMixin
from ..thread import ThreadEventMixin
from .event_mixin import InteractionEventMixin

ObsType = TypeVar("ObsType")
ActType = TypeVar("ActType")


class Environment(
    ABC, PersistentStateMixin, ThreadEventMixin, InteractionEventMixin, Generic[ObsType, ActType]
):
    """Base class of environments."""

    @abstractmethod
    def observe(self) -> ObsType:
        """Return the observation of this tick."""

    @abstractmethod
    def affect(self, action: ActType) -> None:
        """Execute the action of this tick."""
