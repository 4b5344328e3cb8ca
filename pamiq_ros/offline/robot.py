"""OfflineRobot: a robot without topics. It is given messages and keeps the newest commands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from pamiq_ros.core.devices import ObservationError, TopicActuator, TopicSensor, check_command


class OfflineRobot:
    """A `pamiq_ros.core.devices.Robot` whose time and messages come from a source.

    Attributes:
        now_ns: The source's time in ns since 1970.
        commands: The newest command of each actuator, by full topic name.
        axes: Names of the values of a command, by full topic name.
        types: Message type of each commanded topic, by full topic name.
        warnings: Warnings about the observations, at most one per sensor.
    """

    def __init__(self) -> None:
        self.now_ns = 0
        self.commands: dict[str, list[float]] = {}
        self.axes: dict[str, tuple[str, ...]] = {}
        self.types: dict[str, str] = {}
        self.warnings: list[str] = []
        self._sources: list[OfflineSource] = []

    @property
    def observed(self) -> dict[str, str]:
        """Message types of the observed topics, by full name."""
        return {source.topic: source.type for source in self._sources}

    def open_sensor(self, sensor: TopicSensor) -> OfflineSource:
        """Return the source of a sensor's observations."""
        source = OfflineSource(sensor, self.warnings.append)
        self._sources.append(source)
        return source

    def open_actuator(self, actuator: TopicActuator) -> OfflineSink:
        """Return the sink of an actuator's commands."""
        topic = _full(actuator.topic)
        self.commands[topic], self.axes[topic] = [0.0] * len(actuator.names), actuator.names
        self.types[topic] = actuator.message_type
        return OfflineSink(topic, actuator.names, self.commands)

    def show(self, topic: str, make_message: Callable[[], Any]) -> None:
        """Make a message the newest of its topic, received now.

        Args:
            topic: Full topic name.
            make_message: Returns the message; called when a sensor reads it.
        """
        for source in self._sources:
            if source.topic == topic:
                source.show(self.now_ns, make_message)

    def missing(self) -> list[str]:
        """Return the observed topics without a message so far."""
        return [source.topic for source in self._sources if source.time_ns is None]

    def stale(self, limit_s: float) -> str:
        """Return which observation is older than `limit_s` seconds; empty if none is."""
        for source in self._sources:
            age_s = (self.now_ns - (source.time_ns or self.now_ns)) * 1e-9
            if age_s > limit_s:
                return f"topic '{source.topic}': the newest observation is {age_s:.2f} s old"
        return ""

    def stop(self) -> None:
        """Set all commands to zero."""
        for topic, values in self.commands.items():
            self.commands[topic] = [0.0] * len(values)


class OfflineSource:
    """The newest message of one topic, decoded when read.

    Attributes:
        topic: The topic's full name.
        type: Its message type, such as `sensor_msgs/msg/Image`.
        time_ns: Time of the newest message in ns since 1970; None before the first.
    """

    def __init__(self, sensor: TopicSensor, warn: Callable[[str], object]) -> None:
        topic, self.type = sensor.subscription
        self.topic = _full(topic)
        self.time_ns: int | None = None
        self._sensor, self._warn = sensor, warn
        self._make_message: Callable[[], Any] = lambda: None
        self._tensor: Tensor | None = None
        self._is_given = self._is_read_again = False
        self._has_warned = False

    def show(self, time_ns: int, make_message: Callable[[], Any]) -> None:
        """Make a message the newest."""
        self.time_ns, self._make_message, self._tensor = time_ns, make_message, None
        self._is_given = False

    def read(self) -> Tensor:
        """Return the newest observation; the caller may change it.

        As in the nodes, the tensor is copied only if messages are read more than once.

        Raises:
            ObservationError: There is no message, or it cannot be decoded.
        """
        if self.time_ns is None:
            raise ObservationError(self.topic, "nothing was received yet")
        if self._tensor is not None:
            return self._tensor.clone()
        try:
            tensor = self._sensor.decode(self._make_message(), self._warn_once)
        except ValueError as error:
            raise ObservationError(self.topic, str(error)) from error
        self._is_read_again = self._is_read_again or self._is_given
        self._is_given = True
        if not self._is_read_again:
            return tensor
        self._tensor = tensor
        return tensor.clone()

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    def _warn_once(self, text: str) -> None:
        if not self._has_warned:
            self._has_warned = True
            self._warn(f"topic '{self.topic}': {text}")


class OfflineSink:
    """Checks the commands of one actuator and keeps the newest in `commands`."""

    def __init__(self, topic: str, names: Sequence[str], commands: dict[str, list[float]]) -> None:
        self._topic, self._names, self._commands = topic, tuple(names), commands

    def write(self, values: Sequence[float]) -> None:
        """Keep a command.

        Raises:
            ActionError: The command is not finite or of the wrong size.
        """
        self._commands[self._topic] = check_command(self._topic, values, self._names)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""


def _full(topic: str) -> str:
    return "/" + topic.lstrip("/")
