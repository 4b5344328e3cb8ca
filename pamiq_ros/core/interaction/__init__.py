"""Agents, environments, sensors and actuators: what happens in a tick."""

from . import modular_env, wrappers
from .agent import Agent
from .env import Environment
from .event_mixin import InteractionEventMixin
from .modular_env import Actuator, ActuatorsDict, ModularEnvironment, Sensor, SensorsDict
from .wrappers import ActuatorWrapper, EnvironmentWrapper, LambdaWrapper, SensorWrapper, Wrapper

__all__ = [
    "Actuator",
    "ActuatorWrapper",
    "ActuatorsDict",
    "Agent",
    "Environment",
    "EnvironmentWrapper",
    "InteractionEventMixin",
    "LambdaWrapper",
    "ModularEnvironment",
    "Sensor",
    "SensorWrapper",
    "SensorsDict",
    "Wrapper",
    "modular_env",
    "wrappers",
]
