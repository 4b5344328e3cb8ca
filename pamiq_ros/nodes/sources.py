"""TopicSource: one subscription of a topic sensor, of which only the newest message is kept."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from rclpy.node import Node
from rclpy.qos import HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from torch import Tensor

from pamiq_ros.compat import require_message_class
from pamiq_ros.core.devices import ObservationError, TopicSensor
from pamiq_ros.core.devices.topic import new_observation

_NEWEST = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.BEST_EFFORT
)


@dataclass(frozen=True)
class Ages:
    """Two ages of one message.

    Attributes:
        reception_s: Time since it was received, in s.
        stamp_s: The node's clock minus its header stamp, in s; None without a stamp, or while the
            node's clock is simulated and has not begun. Negative when the clocks differ that way.
    """

    reception_s: float
    stamp_s: float | None

    def age_s(self, observation_clock: str) -> float:
        """The age that counts, in s: the larger, or with the clock `reception` that one alone."""
        if observation_clock == "reception" or self.stamp_s is None:
            return self.reception_s
        return max(self.reception_s, self.stamp_s)

    def __str__(self) -> str:
        stamp = "it has no stamp" if self.stamp_s is None else f"{self.stamp_s:.2f} s by its stamp"
        return f"{self.reception_s:.2f} s old by its reception, {stamp}"


class _Received(NamedTuple):
    message: Any
    monotonic_ns: int
    simulated_ns: int


class TopicSource:
    """Receives in the executor, decodes in `read`: once per message, and only what is read.

    A tensor that was given away is never touched again: the agent may change it and keep it, and
    what it collected waits for the experience's sender.

    Attributes:
        topic: The topic's full name.
        sensor: The sensor it was opened for.
        closed: Whether the subscription has ended.
    """

    def __init__(self, node: Node, sensor: TopicSensor) -> None:
        """Subscribe the sensor's topic: best effort, newest message only, unless overridden.

        Args:
            node: Whose subscription it is.
            sensor: What is observed.

        Raises:
            ValueError: Its message type is not installed.
        """
        self.sensor = sensor
        self.closed = False
        self._node = node
        self._newest: _Received | None = None
        self._given: _Received | None = None
        self._read_again = False
        self._kept: tuple[_Received, Tensor] | None = None
        self._announced = False
        self._listeners: tuple[Callable[[], None], ...] = ()
        name, kind = sensor.subscription
        self.topic = node.resolve_topic_name(name)
        self._subscription = node.create_subscription(
            require_message_class(name, kind),
            name,
            self._receive,
            _NEWEST,
            qos_overriding_options=QoSOverridingOptions.with_default_policies(),
        )

    def read(self) -> Tensor:
        """The newest message as an observation of the sensor's shape; the caller may change it.

        Raises:
            ObservationError: Nothing was received yet, or it can't be converted.
        """
        newest = self._newest
        if newest is None:
            raise ObservationError(self.topic, "nothing was received yet")
        if self._kept is not None and self._kept[0] is newest:
            return _copy_of(self._kept[1])
        try:
            tensor = self.sensor.decode(newest.message, self._announce)
        except ValueError as error:
            raise ObservationError(self.topic, str(error)) from error
        # Who reads faster than messages come needs each of them again, as it came. Who does not is
        # given the only tensor there is, and spares a copy.
        self._read_again = self._read_again or newest is self._given
        self._given = newest
        if not self._read_again:
            return tensor
        self._kept = (newest, tensor)
        return _copy_of(tensor)

    def on_observation(self, callback: Callable[[], None]) -> None:
        """Have `callback` called in the executor's thread whenever a message has arrived.

        It is called once `read` would give that message, must return at once and raise nothing.
        """
        self._listeners = (*self._listeners, callback)

    def ages(self) -> Ages | None:
        """How old the newest message is now; None if there is none."""
        newest = self._newest
        if newest is None:
            return None
        clock_ns, stamp = self._node.get_clock().now().nanoseconds, _stamp_ns(newest.message)
        by_stamp = (clock_ns - stamp) / 1e9 if stamp and clock_ns else None
        age_ns = time.monotonic_ns() - newest.monotonic_ns
        if newest.simulated_ns:  # slow simulated time must not make observations look old
            age_ns = max(0, clock_ns - newest.simulated_ns)
        return Ages(age_ns / 1e9, by_stamp)

    def close(self) -> None:
        """End the subscription; safe to call twice."""
        if self.closed:
            return
        self.closed = True
        self._node.destroy_subscription(self._subscription)

    def _simulated_ns(self) -> int:
        clock: Any = self._node.get_clock()
        return int(clock.now().nanoseconds) if clock.ros_time_is_active else 0

    def _receive(self, message: Any) -> None:
        self._newest = _Received(message, time.monotonic_ns(), self._simulated_ns())
        for listener in self._listeners:
            listener()
        if self._listeners:
            # Whoever was woken gets the interpreter now, not at the end of a switch interval.
            time.sleep(0)

    def _announce(self, text: str) -> None:
        if not self._announced:
            self._announced = True
            self._node.get_logger().warning(f"topic '{self.topic}': {text}")


def _copy_of(tensor: Tensor) -> Tensor:
    return new_observation(tensor.shape, tensor.dtype).copy_(tensor)


def _stamp_ns(message: Any) -> int:
    # 0 without a stamp, or with one that is zero.
    header = getattr(message, "header", None)
    if header is None:
        return 0
    return int(header.stamp.sec) * 1_000_000_000 + int(header.stamp.nanosec)
