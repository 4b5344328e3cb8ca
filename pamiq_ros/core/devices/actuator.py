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

"""TopicActuator: an actuator that publishes commands on a topic, checked and limited.

Everything here works without ROS: a message is any object with the attributes of its type. The node
that has the publisher hands in how a message is made and published.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from typing_extensions import override

from ..interaction import Actuator
from .checks import ActionError, check_topic
from .robot import require_robot

LONGEST_DT_S = 0.5
"""Acceleration counts over no more than this: by then a base without commands stops by itself."""


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
    _publisher: CommandPublisher | None = field(default=None, init=False, repr=False)

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
        self._publisher = require_robot(self, self.topic).open_actuator(self)

    @override
    def operate(self, action: Tensor) -> None:
        """Command an action.

        Args:
            action: Real numbers, [len(names)]; a sequence of floats will do as well.

        Raises:
            ActionError: Another shape, or not finite; nothing was commanded.
            RuntimeError: The actuator is not set up.
        """
        if self._publisher is None:
            raise RuntimeError(f"{type(self).__name__} on topic '{self.topic}': not set up")
        values = torch.as_tensor(action).detach()
        if values.shape != (len(self.names),) or values.is_complex():
            raise ActionError(
                self.topic,
                f"expected real numbers of shape [{len(self.names)}], "
                f"found {values.dtype} of shape {list(values.shape)}",
            )
        self._publisher.write(values.tolist())

    @override
    def teardown(self) -> None:
        """Command zero and close the topic."""
        super().teardown()
        publisher, self._publisher = self._publisher, None
        if publisher is not None:
            publisher.close()


class Output(NamedTuple):
    """Where the messages of an actuator go.

    Attributes:
        new_message: Returns a new message of the topic's type.
        publish: Publishes it.
        close: Ends the publisher.
        part: Field of the message that the actuator fills, such as `twist`; empty: all of it.
    """

    new_message: Callable[[], Any]
    publish: Callable[[Any], object]
    close: Callable[[], object]
    part: str = ""


class CommandPublisher:
    """Publishes the commands of one actuator: checked, limited and counted.

    `stop` may be called from any thread.

    Attributes:
        actuator: The actuator it was opened for.
        topic: The topic's full name.
        names: What each number of a command is.
        values: The newest command; zeros before the first.
        count: Commands published, stops among them.
        closed: Whether the publisher has ended.
    """

    def __init__(
        self,
        actuator: TopicActuator,
        topic: str,
        output: Output | None = None,
        limits: Mapping[str, AxisLimit] = MappingProxyType({}),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin at rest.

        Args:
            actuator: Fills the messages.
            topic: The topic's full name.
            output: Where messages go; None: none are made, and the robot reads `values`.
            limits: Limits by name of a number; one that is missing is not limited.
            now: Time in s, for limits of acceleration.
        """
        self.actuator, self.topic, self.names = actuator, topic, actuator.names
        self.values = [0.0] * len(self.names)
        self.count = 0
        self.closed = False
        self._output, self._now = output, now
        self._limiter = VelocityLimiter([limits.get(name, AxisLimit()) for name in self.names])
        self._lock = threading.Lock()
        self._last = now()

    def write(self, values: Sequence[float]) -> None:
        """Command `values`, as near as the limits allow.

        Raises:
            ActionError: Not finite, of the wrong size, or the topic is closed; nothing was
                published.
        """
        floats = check_command(self.topic, values, self.names)
        with self._lock:
            if self.closed:
                raise ActionError(self.topic, "a command came after the topic was closed")
            now = self._now()
            passed = min(max(0.0, now - self._last), LONGEST_DT_S)
            self._publish(self._limiter.limit(floats, passed), now)

    def stop(self) -> None:
        """Command zero, at once and whatever the limits; does nothing once closed."""
        with self._lock:
            if not self.closed:
                self._publish(self._limiter.stop(), self._now())

    def close(self) -> None:
        """Command zero and end the publisher; safe to call twice."""
        self.stop()
        with self._lock:
            if not self.closed:
                self.closed = True
                if self._output is not None:
                    self._output.close()

    def _publish(self, values: list[float], now: float) -> None:
        if (output := self._output) is not None:
            message = output.new_message()
            filled = getattr(message, output.part) if output.part else message
            self.actuator.fill(filled, values)
            output.publish(message)
        self.values, self._last = values, now
        self.count += 1


def check_command(topic: str, values: Sequence[float], names: Sequence[str]) -> list[float]:
    """Check a command before anything of it is published.

    Args:
        topic: The command's topic, for the error.
        values: The command.
        names: What each value is, such as an axis; their number is the expected size.

    Returns:
        The values as plain floats.

    Raises:
        ActionError: Another number of values, or one that is not finite; names the value.
    """
    if len(values) != len(names):
        raise ActionError(topic, f"expected {len(names)} values, found {len(values)}")
    floats = [float(value) for value in values]
    for name, value in zip(names, floats, strict=True):
        if not math.isfinite(value):
            raise ActionError(topic, f"expected a finite {name}, found {value}")
    return floats


@dataclass(frozen=True)
class AxisLimit:
    """Limits of one axis; `math.inf` is no limit, 0 is an axis that may not move.

    Attributes:
        velocity: Largest velocity in either direction, in m/s or rad/s.
        acceleration: Largest change of velocity, speeding up or slowing down, in m/s² or rad/s².

    Raises:
        ValueError: One is negative or NaN.
    """

    velocity: float = math.inf
    acceleration: float = math.inf

    def __post_init__(self) -> None:
        for name in ("velocity", "acceleration"):
            value = getattr(self, name)
            if not value >= 0.0:
                raise ValueError(f"{name}: expected a limit of 0 or more, found {value!r}")


class VelocityLimiter:
    """Keeps a sequence of velocity commands within limits, axis by axis.

    The commands begin at rest, so that the first one is a change from zero.
    """

    def __init__(self, limits: Sequence[AxisLimit]) -> None:
        """Args: limits: One for each value of a command."""
        self._limits = tuple(limits)
        self._last = [0.0] * len(self._limits)

    def limit(self, values: Sequence[float], dt: float) -> list[float]:
        """The nearest command to `values` that is within the limits.

        Args:
            values: Finite velocities, one for each axis.
            dt: Time since the last command in s.

        Returns:
            What to command, which the next call's acceleration counts from.

        Raises:
            ValueError: `dt` is negative or NaN, or there are not as many values as limits.
        """
        if not dt >= 0.0:
            raise ValueError(f"dt: expected 0 or more, found {dt!r}")
        self._last = [
            _nearest(value, last, limit, dt)
            for value, last, limit in zip(values, self._last, self._limits, strict=True)
        ]
        return list(self._last)

    def stop(self) -> list[float]:
        """Be at rest at once: an emergency stop is not ramped.

        Returns:
            Zero for every axis, to command.
        """
        self._last = [0.0] * len(self._limits)
        return list(self._last)


def _nearest(value: float, last: float, limit: AxisLimit, dt: float) -> float:
    target = min(max(value, -limit.velocity), limit.velocity)
    if math.isinf(limit.acceleration):
        return target
    step = limit.acceleration * dt
    return min(max(target, last - step), last + step)
