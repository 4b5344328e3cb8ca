"""What a robot gives to the topic devices, and the one robot that a process has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from .actuators import TopicActuator
    from .sensors import TopicSensor


class Source(Protocol):
    """Where a topic sensor reads."""

    def read(self) -> Tensor:
        """The newest observation, of the sensor's shape and dtype; the caller may change it.

        Raises:
            ObservationError: There is none, or it can't be converted.
        """

    def close(self) -> None:
        """Let go of the topic."""


class Sink(Protocol):
    """Where a topic actuator writes."""

    def write(self, values: Sequence[float]) -> None:
        """Command these values, in the actuator's order and units.

        Raises:
            ActionError: Not finite or of the wrong size; nothing was commanded.
        """

    def close(self) -> None:
        """Command zero and let go of the topic."""


class Robot(Protocol):
    """Connects topic devices to topics."""

    def open_sensor(self, sensor: TopicSensor) -> Source:
        """Begin to receive the sensor's topic."""

    def open_actuator(self, actuator: TopicActuator) -> Sink:
        """Offer the actuator's topic."""


_robot: Robot | None = None


def attach_robot(robot: Robot | None) -> None:
    """Make `robot` the one on which this process's topic devices open; None for none."""
    global _robot
    _robot = robot


def attached_robot() -> Robot | None:
    """The process's robot, if there is one."""
    return _robot


def require_robot(device: object, topic: str) -> Robot:
    """The process's robot, for a device that opens its topic.

    Raises:
        RuntimeError: There is none.
    """
    if _robot is None:
        raise RuntimeError(
            f"{type(device).__name__} on topic '{topic}': no robot is attached; topic devices work "
            "in the inference node, or after attach_robot(robot)"
        )
    return _robot
