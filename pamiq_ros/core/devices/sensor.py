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

"""TopicSensor: a sensor that reads the newest message of a topic, and the decoding of messages.

Everything here works without ROS: a message is any object with the attributes of its type. The node
that has the subscription hands the messages in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor
from typing_extensions import override

from ..interaction import Sensor
from .checks import ObservationError, check_topic
from .robot import require_robot

Warn = Callable[[str], None]


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
    _newest: NewestMessage | None = field(default=None, init=False, repr=False)

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
            warn: Called with a text for the user if the messages are not what the system expects
                and are adapted; the first one is logged.

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
        self._newest = require_robot(self, self.topic).open_sensor(self)

    @override
    def read(self) -> Tensor:
        """Return the newest observation, of `shape` and `dtype`.

        Raises:
            ObservationError: Nothing was received yet, or it can't be converted.
            RuntimeError: The sensor is not set up.
        """
        if self._newest is None:
            raise RuntimeError(f"{type(self).__name__} on topic '{self.topic}': not set up")
        return self._newest.read()

    @override
    def teardown(self) -> None:
        """Close the topic."""
        super().teardown()
        newest, self._newest = self._newest, None
        if newest is not None:
            newest.close()


class NewestMessage:
    """The newest message of a sensor's topic, decoded once and only if it is read.

    One thread calls `receive` and another one `read`. A tensor that was returned is never touched
    again: the agent may change it and keep it.

    Attributes:
        sensor: The sensor, which decodes the messages.
        topic: The topic's full name.
    """

    def __init__(
        self,
        sensor: TopicSensor,
        topic: str,
        warn: Warn,
        close: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin without a message.

        Args:
            sensor: Decodes the messages.
            topic: The topic's full name.
            warn: Called with the sensor's first warning; it names the topic.
            close: Ends the subscription.
        """
        self.sensor, self.topic, self.close = sensor, topic, close
        self._warn: Warn | None = warn
        self._newest: _Message | None = None
        self._returned: _Message | None = None
        self._is_read_again = False
        self._kept: tuple[_Message, Tensor] | None = None

    def receive(self, make_message: Callable[[], Any]) -> None:
        """Make a message the newest.

        Args:
            make_message: Returns the message; called when it is read.
        """
        self._newest = _Message(make_message)

    def read(self) -> Tensor:
        """Return the newest message as an observation of the sensor's shape; may be changed.

        Raises:
            ObservationError: Nothing was received yet, or it can't be converted.
        """
        newest = self._newest
        if newest is None:
            raise ObservationError(self.topic, "nothing was received yet")
        if self._kept is not None and self._kept[0] is newest:
            return _copy_of(self._kept[1])
        try:
            tensor = self.sensor.decode(newest.make(), self._warn_once)
        except ValueError as error:
            raise ObservationError(self.topic, str(error)) from error
        # An agent faster than its sensor reads messages twice and needs each unchanged: a copy is
        # kept for it. A slower agent gets the only tensor there is, which saves that copy.
        self._is_read_again = self._is_read_again or newest is self._returned
        self._returned = newest
        if not self._is_read_again:
            return tensor
        self._kept = (newest, tensor)
        return _copy_of(tensor)

    def _warn_once(self, text: str) -> None:
        warn, self._warn = self._warn, None
        if warn is not None:
            warn(f"topic '{self.topic}': {text}")


@dataclass(eq=False)
class _Message:
    make: Callable[[], Any]


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


def _copy_of(tensor: Tensor) -> Tensor:
    return new_observation(tensor.shape, tensor.dtype).copy_(tensor)
