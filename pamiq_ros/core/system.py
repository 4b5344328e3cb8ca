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

"""System: the sensors, actuators, agent, models, buffers and trainers of one learning robot.

A system contains factories, not objects. Each node builds only its own part: the inference node
builds no trainer and no buffer, the training node no agent and no sensor.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .data import DataBuffer
from .evaluator import Evaluator
from .interaction import (
    Actuator,
    ActuatorsDict,
    Agent,
    Environment,
    ModularEnvironment,
    Sensor,
    SensorsDict,
)
from .model import TrainingModel
from .trainer import Trainer

T = TypeVar("T")
Devices = Callable[[], T] | Mapping[str, Callable[[], T]]


@dataclass(frozen=True, kw_only=True)
class System:
    """Factories of all parts of one learning robot.

    Attributes:
        agent: Creates the agent. Called only in the inference node.
        sensors: Creates the sensor, or a mapping of names to factories. With a mapping, the
            observation is a dict with the same names.
        actuators: Creates the actuator, or a mapping of names to factories. With a mapping, the
            action is a dict with the same names.
        environment: Creates the environment, instead of sensors and actuators.
        models: Names and factories of the training models. The inference node keeps only their
            inference models.
        buffers: Names and factories of the data buffers. Called only in the training node.
        trainers: Names and factories of the trainers. They run in this order.
        evaluators: Names and factories of the evaluators. Used only offline.
        rate: Ticks per second in Hz. The inference node's parameter `rate` overrides it.

    Raises:
        ValueError: `rate` is not positive, or `environment` is given together with `sensors` or
            `actuators`, or one of them is missing.
        TypeError: A factory is not callable, or an object was given instead of a factory.
    """

    agent: Callable[[], Agent[Any, Any]]
    sensors: Devices[Sensor[Any]] | None = None
    actuators: Devices[Actuator[Any]] | None = None
    environment: Callable[[], Environment[Any, Any]] | None = None
    models: Mapping[str, Callable[[], TrainingModel[Any]]] = field(default_factory=dict)
    buffers: Mapping[str, Callable[[], DataBuffer[Any, Any]]] = field(default_factory=dict)
    trainers: Mapping[str, Callable[[], Trainer]] = field(default_factory=dict)
    evaluators: Mapping[str, Callable[[], Evaluator]] = field(default_factory=dict)
    rate: float = 10.0

    def __post_init__(self) -> None:
        if not 0.0 < self.rate < float("inf"):
            raise ValueError(f"rate: expected a positive number of Hz, found {self.rate!r}")
        modular = self.sensors is not None and self.actuators is not None
        partly = self.sensors is not None or self.actuators is not None
        if (self.environment is None) != modular or (self.environment is not None and partly):
            raise ValueError("expected either `environment`, or both `sensors` and `actuators`")
        for name in ("agent", "sensors", "actuators", "environment"):
            _require_factories(name, getattr(self, name))
        for name in ("models", "buffers", "trainers", "evaluators"):
            if not isinstance(getattr(self, name), Mapping):
                raise TypeError(f"{name}: expected a mapping of names to factories")
            _require_factories(name, getattr(self, name))

    def build_environment(self) -> Environment[Any, Any]:
        """Create the environment, or a `ModularEnvironment` of the sensors and actuators."""
        if self.environment is not None:
            return self.environment()
        assert self.sensors is not None and self.actuators is not None  # __post_init__ checked
        sensor = SensorsDict(_build(s)) if isinstance(s := self.sensors, Mapping) else s()
        actuator = ActuatorsDict(_build(a)) if isinstance(a := self.actuators, Mapping) else a()
        return ModularEnvironment(sensor, actuator)

    def build_models(self) -> dict[str, TrainingModel[Any]]:
        """Create every training model."""
        return _build(self.models)

    def build_buffers(self) -> dict[str, DataBuffer[Any, Any]]:
        """Create every data buffer.

        Raises:
            MemoryError: A buffer does not fit into memory. Names the buffer, and the required and
                available bytes.
        """
        buffers = {}
        for name, factory in self.buffers.items():
            try:
                buffers[name] = factory()
            except MemoryError as error:
                raise MemoryError(f"buffer '{name}': {error}") from error
        return buffers

    def build_trainers(self) -> dict[str, Trainer]:
        """Create every trainer."""
        return _build(self.trainers)

    def build_evaluators(self) -> dict[str, Evaluator]:
        """Create every evaluator."""
        return _build(self.evaluators)


def _build(factories: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    return {name: factory() for name, factory in factories.items()}


def _require_factories(name: str, value: object) -> None:
    if isinstance(value, Mapping):
        for key, factory in value.items():
            _require_factories(f"{name}[{key!r}]", factory)
    elif value is not None and (
        not callable(value) or isinstance(value, (Agent, Sensor, Actuator, Environment))
    ):
        raise TypeError(
            f"{name}: expected a factory (a class, function or lambda that makes one), "
            f"found {type(value).__name__}"
        )
