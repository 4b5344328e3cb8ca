"""Environment: what an agent observes and affects."""

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
    """The other side of an agent: gives observations, takes actions."""

    @abstractmethod
    def observe(self) -> ObsType:
        """The observation of this tick."""

    @abstractmethod
    def affect(self, action: ActType) -> None:
        """Carry out the action of this tick."""
