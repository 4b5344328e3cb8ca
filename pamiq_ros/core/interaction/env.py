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
