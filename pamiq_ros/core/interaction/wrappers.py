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

"""Wrappers: change the readings of sensors, the actions of actuators, or both of an environment."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from ..state_persistence import PersistentStateMixin
from ..thread import ThreadEventMixin
from .event_mixin import InteractionEventMixin, InteractionParts
from .modular_env import ActType, Actuator, Environment, ObsType, Sensor

T = TypeVar("T")
W = TypeVar("W")
WrappedObsType = TypeVar("WrappedObsType")
WrappedActType = TypeVar("WrappedActType")


class Wrapper(ABC, PersistentStateMixin, ThreadEventMixin, InteractionEventMixin, Generic[T, W]):
    """Base class of wrappers, from values of type T to values of type W."""

    @abstractmethod
    def wrap(self, value: T) -> W:
        """Return the changed value."""

    def __call__(self, value: T) -> W:
        """Return the changed value, as `wrap`."""
        return self.wrap(value)

    def wrap_sensor(self, sensor: Sensor[T]) -> SensorWrapper[T, W]:
        """Return a sensor whose readings are changed by this wrapper."""
        return SensorWrapper(sensor, self)

    def wrap_actuator(self, actuator: Actuator[W]) -> ActuatorWrapper[W, T]:
        """Return an actuator whose actions are changed by this wrapper first."""
        return ActuatorWrapper(actuator, self)


class LambdaWrapper(Wrapper[T, W]):
    """A wrapper that calls a function."""

    def __init__(self, func: Callable[[T], W]) -> None:
        """Create a wrapper that calls `func`."""
        super().__init__()
        self._func = func

    def wrap(self, value: T) -> W:
        """Return the function's result for `value`."""
        return self._func(value)


class EnvironmentWrapper(
    InteractionParts,
    Environment[WrappedObsType, WrappedActType],
    Generic[ObsType, WrappedObsType, ActType, WrappedActType],
):
    """An environment whose observations and actions are changed."""

    def __init__(
        self,
        env: Environment[ObsType, ActType],
        obs_wrapper: Wrapper[ObsType, WrappedObsType] | Callable[[ObsType], WrappedObsType],
        act_wrapper: Wrapper[WrappedActType, ActType] | Callable[[WrappedActType], ActType],
    ) -> None:
        """Wrap an environment.

        Args:
            env: The environment.
            obs_wrapper: Changes its observations.
            act_wrapper: Changes actions before the environment executes them.
        """
        self.env = env
        self._obs_wrapper = _as_wrapper(obs_wrapper)
        self._act_wrapper = _as_wrapper(act_wrapper)

    def observe(self) -> WrappedObsType:
        """Return the environment's observation, changed."""
        return self._obs_wrapper(self.env.observe())

    def affect(self, action: WrappedActType) -> None:
        """Execute the changed action."""
        self.env.affect(self._act_wrapper(action))

    def _parts(self) -> Mapping[str, Any]:
        return {
            "env": self.env,
            "obs_wrapper": self._obs_wrapper,
            "act_wrapper": self._act_wrapper,
        }


class SensorWrapper(InteractionParts, Sensor[W], Generic[T, W]):
    """A sensor whose readings are changed."""

    def __init__(self, sensor: Sensor[T], wrapper: Wrapper[T, W] | Callable[[T], W]) -> None:
        """Wrap a sensor.

        Args:
            sensor: The sensor.
            wrapper: Changes its readings.
        """
        self.sensor = sensor
        self._wrapper = _as_wrapper(wrapper)

    def read(self) -> W:
        """Return the sensor's reading, changed."""
        return self._wrapper(self.sensor.read())

    def _parts(self) -> Mapping[str, Any]:
        return {"sensor": self.sensor, "wrapper": self._wrapper}


class ActuatorWrapper(InteractionParts, Actuator[W], Generic[T, W]):
    """An actuator whose actions are changed first."""

    def __init__(self, actuator: Actuator[T], wrapper: Wrapper[W, T] | Callable[[W], T]) -> None:
        """Wrap an actuator.

        Args:
            actuator: The actuator.
            wrapper: Changes actions before the actuator executes them.
        """
        self.actuator = actuator
        self._wrapper = _as_wrapper(wrapper)

    def operate(self, action: W) -> None:
        """Operate the actuator with the changed action."""
        self.actuator.operate(self._wrapper(action))

    def _parts(self) -> Mapping[str, Any]:
        return {"actuator": self.actuator, "wrapper": self._wrapper}


def _as_wrapper(wrapper: Wrapper[T, W] | Callable[[T], W]) -> Wrapper[T, W]:
    return wrapper if isinstance(wrapper, Wrapper) else LambdaWrapper(wrapper)
