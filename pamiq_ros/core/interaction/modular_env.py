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

"""Environments, and environments that consist of sensors and actuators."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import UserDict
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from ..state_persistence import PersistentStateMixin
from ..thread import ThreadEventMixin
from .event_mixin import InteractionEventMixin, InteractionParts

T = TypeVar("T")
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


class Sensor(ABC, PersistentStateMixin, ThreadEventMixin, InteractionEventMixin, Generic[T]):
    """Something an observation is read from."""

    @abstractmethod
    def read(self) -> T:
        """The newest reading."""


class Actuator(ABC, PersistentStateMixin, ThreadEventMixin, InteractionEventMixin, Generic[T]):
    """Something that carries out actions."""

    @abstractmethod
    def operate(self, action: T) -> None:
        """Carry out an action."""


class ModularEnvironment(InteractionParts, Environment[ObsType, ActType]):
    """An environment that observes with a sensor and acts with an actuator."""

    def __init__(self, sensor: Sensor[ObsType], actuator: Actuator[ActType]) -> None:
        """Put the two together.

        Args:
            sensor: Read once a tick.
            actuator: Operated once a tick.
        """
        self.sensor = sensor
        self.actuator = actuator

    @staticmethod
    def from_dict(
        sensors: Mapping[str, Sensor[Any]], actuators: Mapping[str, Actuator[Any]]
    ) -> ModularEnvironment[Mapping[str, Any], Mapping[str, Any]]:
        """An environment whose observations and actions are dicts.

        Args:
            sensors: Sensors by name.
            actuators: Actuators by name.
        """
        return ModularEnvironment(SensorsDict(sensors), ActuatorsDict(actuators))

    def observe(self) -> ObsType:
        """Read the sensor."""
        return self.sensor.read()

    def affect(self, action: ActType) -> None:
        """Operate the actuator."""
        self.actuator.operate(action)

    def _parts(self) -> Mapping[str, Any]:
        return {"sensor": self.sensor, "actuator": self.actuator}


class SensorsDict(InteractionParts, Sensor[Mapping[str, Any]], UserDict[str, Sensor[Any]]):
    """Several sensors as one, whose reading is a dict of the same names."""

    def read(self) -> Mapping[str, Any]:
        """Read every sensor."""
        return {name: sensor.read() for name, sensor in self.items()}

    def _parts(self) -> Mapping[str, Any]:
        return self.data


class ActuatorsDict(InteractionParts, Actuator[Mapping[str, Any]], UserDict[str, Actuator[Any]]):
    """Several actuators as one, whose action is a dict of the same names."""

    def operate(self, action: Mapping[str, Any]) -> None:
        """Operate every actuator with the action of its name.

        Raises:
            KeyError: An actuator's name is not in the action.
        """
        for name, actuator in self.items():
            actuator.operate(action[name])

    def _parts(self) -> Mapping[str, Any]:
        return self.data
