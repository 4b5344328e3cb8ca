"""System: what belongs together, said once, as factories.

A system names the sensors, actuators, agent, models, buffers and trainers of one learning robot.
It holds factories and not objects, so that each node builds only its own part of it: the inference
node builds no trainer and no buffer, the training node no agent and no sensor.
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
    """One learning robot, as factories.

    Attributes:
        agent: Makes the agent; called in the inference node alone.
        sensors: Makes the sensor, or a mapping of names to factories; a mapping makes the
            observation a dict of the same names.
        actuators: Makes the actuator, or a mapping of names to factories; a mapping makes the
            action a dict of the same names.
        environment: Instead of sensors and actuators: makes a whole environment.
        models: Names and factories of the training models. The inference node keeps only the
            inference side of those that have one.
        buffers: Names and factories of the data buffers; called in the training node alone.
        trainers: Names and factories of the trainers, run in this order.
        evaluators: Names and factories of the evaluators, used offline alone.
        rate: Ticks per second in Hz, unless the inference node's parameter `rate` says otherwise.

    Raises:
        ValueError: `rate` is not positive, or neither or both of `environment` and
            `sensors`/`actuators` are given.
        TypeError: Something given as a factory is not callable.
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
        """Make the environment from its factory, or from those of the sensors and actuators."""
        if self.environment is not None:
            return self.environment()
        assert self.sensors is not None and self.actuators is not None  # __post_init__ checked
        sensor = SensorsDict(_build(s)) if isinstance(s := self.sensors, Mapping) else s()
        actuator = ActuatorsDict(_build(a)) if isinstance(a := self.actuators, Mapping) else a()
        return ModularEnvironment(sensor, actuator)

    def build_models(self) -> dict[str, TrainingModel[Any]]:
        """Make every training model."""
        return _build(self.models)

    def build_buffers(self) -> dict[str, DataBuffer[Any, Any]]:
        """Make every data buffer.

        Raises:
            MemoryError: A buffer does not fit; the text names it, the bytes needed and available.
        """
        buffers = {}
        for name, factory in self.buffers.items():
            try:
                buffers[name] = factory()
            except MemoryError as error:
                raise MemoryError(f"buffer '{name}': {error}") from error
        return buffers

    def build_trainers(self) -> dict[str, Trainer]:
        """Make every trainer."""
        return _build(self.trainers)

    def build_evaluators(self) -> dict[str, Evaluator]:
        """Make every evaluator."""
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
