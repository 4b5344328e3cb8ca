"""BagRobot: a robot made of a bag: its sensors read what was recorded, its commands are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rclpy.serialization import deserialize_message
from torch import Tensor

from pamiq_ros.core.devices import ObservationError, TopicActuator, TopicSensor, check_command
from pamiq_ros.core.devices.topic import require_message_class
from pamiq_ros.offline.bags import Bag, Recorded, require


class BagRobot:
    """Topic devices without topics; a `pamiq_ros.core.devices.Robot`, and the actor's guard.

    Args:
        names: New names of topics of the bag, by those they have there.

    Attributes:
        now_ns: The bag's time, in ns since 1970.
        commands: The newest command of each actuator, by its topic's full name.
        axes: What each number of a command is, by the same.
        warnings: What a user should know of the observations.
    """

    def __init__(self, names: Mapping[str, str] | None = None) -> None:
        self.now_ns = 0
        self.commands: dict[str, list[float]] = {}
        self.axes: dict[str, tuple[str, ...]] = {}
        self.warnings: list[str] = []
        self._names = dict(names or {})
        self._sources: list[BagSource] = []

    def open_sensor(self, sensor: TopicSensor) -> BagSource:
        """Read a sensor's topic from the bag."""
        source = BagSource(sensor, self.warnings.append)
        self._sources.append(source)
        return source

    def open_actuator(self, actuator: TopicActuator) -> BagSink:
        """Keep an actuator's commands."""
        topic = _full(actuator.topic)
        self.commands[topic], self.axes[topic] = [0.0] * len(actuator.names), actuator.names
        return BagSink(topic, actuator.names, self.commands)

    def require_observed(self, bag: Bag) -> None:
        """Make sure that a bag has what the sensors observe.

        Raises:
            BagError: It has not; lists what is needed and what there is.
        """
        found = {self._names.get(name, name): topic.type for name, topic in bag.topics.items()}
        require(bag, found, {source.topic: source.type for source in self._sources})

    def topics(self, bag: Bag) -> list[str]:
        """Names of the topics that the sensors observe, as the bag has them."""
        observed = {source.topic for source in self._sources}
        return [name for name in bag.topics if self._names.get(name, name) in observed]

    def take(self, message: Recorded) -> None:
        """Let a message be observed."""
        topic = self._names.get(message.topic, message.topic)
        self.now_ns = message.time_ns
        for source in self._sources:
            if source.topic == topic:
                source.take(message)

    def missing(self) -> list[str]:
        """Topics of which nothing has come yet."""
        return [source.topic for source in self._sources if source.time_ns is None]

    def stale(self, limit_s: float) -> str:
        """Which observation is older than `limit_s` seconds; empty when none is."""
        for source in self._sources:
            age_s = (self.now_ns - (source.time_ns or self.now_ns)) * 1e-9
            if age_s > limit_s:
                return f"topic '{source.topic}': the newest observation is {age_s:.2f} s old"
        return ""

    def stop(self) -> None:
        """Command zero."""
        for topic, values in self.commands.items():
            self.commands[topic] = [0.0] * len(values)


class BagSource:
    """The newest message of one topic, decoded when it is read.

    Attributes:
        topic: The topic's full name.
        type: Its type, such as `sensor_msgs/msg/Image`.
        time_ns: When the newest message was recorded, in ns since 1970; None before the first.
    """

    def __init__(self, sensor: TopicSensor, warn: Any) -> None:
        topic, self.type = sensor.subscription
        self.topic = _full(topic)
        self.time_ns: int | None = None
        self._sensor, self._warn = sensor, warn
        self._class = require_message_class(topic, self.type)
        self._data = b""
        self._tensor: Tensor | None = None
        self._announced = False

    def take(self, message: Recorded) -> None:
        """Let a message be the newest."""
        self.time_ns, self._data, self._tensor = message.time_ns, message.data, None

    def read(self) -> Tensor:
        """The newest observation; the caller may change it.

        Raises:
            ObservationError: There is none, or it can't be converted.
        """
        if self.time_ns is None:
            raise ObservationError(self.topic, "nothing was received yet")
        if self._tensor is None:
            message = deserialize_message(self._data, self._class)
            try:
                self._tensor = self._sensor.decode(message, self._announce)
            except ValueError as error:
                raise ObservationError(self.topic, str(error)) from error
        return self._tensor.clone()

    def close(self) -> None:
        """Nothing to let go of."""

    def _announce(self, text: str) -> None:
        if not self._announced:
            self._announced = True
            self._warn(f"topic '{self.topic}': {text}")


class BagSink:
    """Checks the commands of one actuator and keeps the newest in `commands`."""

    def __init__(self, topic: str, names: Sequence[str], commands: dict[str, list[float]]) -> None:
        self._topic, self._names, self._commands = topic, tuple(names), commands

    def write(self, values: Sequence[float]) -> None:
        """Keep a command.

        Raises:
            ActionError: Not finite or of the wrong size.
        """
        self._commands[self._topic] = list(check_command(self._topic, values, self._names))

    def close(self) -> None:
        """Nothing to let go of."""


def _full(topic: str) -> str:
    return "/" + topic.lstrip("/")
