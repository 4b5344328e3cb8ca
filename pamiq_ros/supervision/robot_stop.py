"""RobotStop: commands zero in the place of an inference node that died or hangs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Float64MultiArray

from pamiq_ros.supervision.reports import MOST_ACTUATORS

from .ros_time import steady_timer

_TIMES, _PERIOD_S = 5, 0.05
_TYPES = {kind.__name__: kind for kind in (Twist, TwistStamped, Float64MultiArray)}
_UNKNOWN = "_NODE_NAME_UNKNOWN_"  # rmw's name for the node of a publisher that is just being found
_LONGEST_FRAME = 256


class Command(NamedTuple):
    """What an actuator takes: the topic, its type's name, how many values, and the frame."""

    topic: str
    type: str
    size: int
    frame_id: str


class RobotStop:
    """Publishers of the robot's command topics that are silent until the robot must be stopped.

    A report says which topics these are, and may come from anybody: only those are taken on which
    the node that moves the robot has a publisher, and no more than `MOST_ACTUATORS`.

    Attributes:
        count: How often the robot was stopped.
    """

    def __init__(self, node: Node, name: str, group: CallbackGroup) -> None:
        """Args: the control node; the node that moves the robot; for the timer."""
        self.count = 0
        self._node, self._name = node, name
        self._zeros: dict[Command, tuple[Publisher[Any], Callable[[], Any]]] = {}
        self._lock = threading.Lock()
        self._left = 0
        self._timer = steady_timer(node, _PERIOD_S, self._repeat, group)
        self._timer.cancel()

    def know(self, actuators: Sequence[Mapping[str, Any]]) -> None:
        """Be ready to command zero on topics; each has `topic`, `type`, `size` and `frame_id`."""
        with self._lock:
            for actuator in actuators:
                frame_id = str(actuator.get("frame_id", ""))[:_LONGEST_FRAME]
                topic, kind, size = (actuator[key] for key in ("topic", "type", "size"))
                command = Command(topic, kind, size, frame_id)
                if command not in self._zeros and self._is_published(command) and self._has_room():
                    self._offer(command)

    def stop(self) -> None:
        """Command zero, now and some times more: a command may just be on its way."""
        self.count += 1
        self._left = _TIMES
        self._repeat()
        self._timer.reset()

    def leave(self) -> None:
        """Leave the robot to the inference node again."""
        self._left = 0

    def _repeat(self) -> None:
        if self._left <= 0:
            self._timer.cancel()
            return
        self._left -= 1
        with self._lock:
            for publisher, zero in self._zeros.values():
                publisher.publish(zero())

    def _is_published(self, command: Command) -> bool:
        ours = {(self._name, self._node.get_namespace())}
        return command.type in _TYPES and any(
            found.topic_type.rpartition("/")[2] == command.type
            and (found.node_name == _UNKNOWN or {(found.node_name, found.node_namespace)} == ours)
            for found in self._node.get_publishers_info_by_topic(command.topic)
        )

    def _has_room(self) -> bool:
        if len(self._zeros) >= MOST_ACTUATORS:
            for command in [known for known in self._zeros if not self._is_published(known)]:
                self._node.destroy_publisher(self._zeros.pop(command)[0])
        if len(self._zeros) >= MOST_ACTUATORS:
            self._warn(f"expected at most {MOST_ACTUATORS} actuators, found more: not all of them")
        return len(self._zeros) < MOST_ACTUATORS

    def _offer(self, command: Command) -> None:
        try:
            publisher = self._node.create_publisher(_TYPES[command.type], command.topic, 1)
        except RuntimeError as error:  # this node has the topic already, with another type
            self._warn(f"{command.topic} ({error}): not")
            return
        self._zeros[command] = (publisher, self._zero(command))

    def _warn(self, why: str) -> None:
        text = f"{why} stopped in the place of {self._name}"
        self._node.get_logger().warning(text, throttle_duration_sec=10.0)

    def _zero(self, command: Command) -> Callable[[], Any]:
        def stamped() -> TwistStamped:
            message = TwistStamped()
            message.header.stamp = self._node.get_clock().now().to_msg()
            message.header.frame_id = command.frame_id
            return message

        def array() -> Float64MultiArray:
            return Float64MultiArray(data=[0.0] * command.size)

        makers: dict[str, Callable[[], Any]] = {
            "TwistStamped": stamped,
            "Float64MultiArray": array,
        }
        maker: Callable[[], Any] = makers.get(command.type, Twist)
        return maker
