"""TopicSensor and TopicActuator, and the robot of a process, which opens their topics.

Everything here works without ROS: a message is any object with the attributes of its type.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from ..interaction import Actuator, Sensor
from .checks import ActionError, check_topic

Warn = Callable[[str], None]


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


@dataclass(eq=False)
class TopicSensor(Sensor[Tensor]):
    """A sensor that reads the newest message of a topic.

    A subclass says which messages it reads and what an observation of one is: `message_type`,
    `shape`, `dtype` and `decode`.

    Attributes:
        topic: Topic name; a relative one is in the node's namespace.
        message_type: The topic's message type, such as `sensor_msgs/msg/Imu`.
    """

    message_type: ClassVar[str] = ""
    topic: str
    _source: Source | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__init__()
        check_topic(self, self.topic)

    @property
    def subscription(self) -> tuple[str, str]:
        """The name and the message type of the topic that is subscribed to."""
        return self.topic, self.message_type

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of an observation."""
        raise NotImplementedError

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of an observation."""
        return torch.float32

    def decode(self, message: Any, warn: Warn) -> Tensor:
        """Make an observation of a message, which is read by attribute and not changed.

        Args:
            message: Of `message_type`.
            warn: Tells the user, once, that the messages are not what the system expects and are
                adapted.

        Returns:
            A new tensor of `shape` and `dtype`.

        Raises:
            ValueError: The message can't be an observation; says what was expected and found.
        """
        raise NotImplementedError

    @override
    def setup(self) -> None:
        """Open the topic on the process's robot.

        Raises:
            RuntimeError: No robot is attached.
        """
        super().setup()
        self._source = require_robot(self, self.topic).open_sensor(self)

    @override
    def read(self) -> Tensor:
        """The newest observation, of `shape` and `dtype`.

        Raises:
            ObservationError: Nothing was received yet, or it can't be converted.
            RuntimeError: The sensor is not set up.
        """
        if self._source is None:
            raise RuntimeError(f"{type(self).__name__} on topic '{self.topic}': not set up")
        return self._source.read()

    @override
    def teardown(self) -> None:
        """Let go of the topic."""
        super().teardown()
        source, self._source = self._source, None
        if source is not None:
            source.close()


@dataclass(eq=False)
class TopicActuator(Actuator[Tensor]):
    """An actuator that publishes every action on a topic.

    A subclass says what the numbers of an action are and how they are put into a message: `names`,
    `message_type` and `fill`.

    Attributes:
        topic: Topic name; a relative one is in the node's namespace.
        message_type: The topic's message type, such as `geometry_msgs/msg/Twist`.
    """

    message_type: ClassVar[str] = ""
    topic: str
    _sink: Sink | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__init__()
        check_topic(self, self.topic)

    @property
    def names(self) -> tuple[str, ...]:
        """What each number of an action is."""
        raise NotImplementedError

    def fill(self, message: Any, values: Sequence[float]) -> None:
        """Put a command into a new message.

        Args:
            message: Of `message_type`.
            values: Finite numbers, one for each of `names`.
        """
        raise NotImplementedError

    @override
    def setup(self) -> None:
        """Open the topic on the process's robot.

        Raises:
            RuntimeError: No robot is attached.
        """
        super().setup()
        self._sink = require_robot(self, self.topic).open_actuator(self)

    @override
    def operate(self, action: Tensor) -> None:
        """Command an action.

        Args:
            action: Real numbers, [len(names)]; a sequence of floats will do as well.

        Raises:
            ActionError: Another shape, or not finite; nothing was commanded.
            RuntimeError: The actuator is not set up.
        """
        if self._sink is None:
            raise RuntimeError(f"{type(self).__name__} on topic '{self.topic}': not set up")
        values = torch.as_tensor(action).detach()
        size = len(self.names)
        if values.shape != (size,) or values.is_complex():
            raise ActionError(
                self.topic,
                f"expected real numbers of shape [{size}], "
                f"found {values.dtype} of shape {list(values.shape)}",
            )
        self._sink.write(values.tolist())

    @override
    def teardown(self) -> None:
        """Command zero and let go of the topic."""
        super().teardown()
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()


def new_observation(shape: Sequence[int], dtype: torch.dtype) -> Tensor:
    """A new tensor for an observation, in pinned memory where CUDA is in use: it will go there."""
    pinned = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    return torch.empty(shape, dtype=dtype, pin_memory=pinned)


def finite_tensor(values: Sequence[float]) -> Tensor:
    """The numbers as a float32 tensor.

    Raises:
        ValueError: One is not finite; says which.
    """
    array = np.array(values, dtype=np.float32)
    is_finite = np.isfinite(array)
    if not is_finite.all():
        wrong = int(is_finite.argmin())
        raise ValueError(f"expected finite numbers, found {array[wrong]} as number {wrong}")
    return torch.from_numpy(array)


def xyz(vector: Any) -> tuple[float, float, float]:
    """The components of a geometry_msgs/Vector3 or Point."""
    return vector.x, vector.y, vector.z


def xyzw(quaternion: Any) -> tuple[float, float, float, float]:
    """The components of a geometry_msgs/Quaternion."""
    return quaternion.x, quaternion.y, quaternion.z, quaternion.w
