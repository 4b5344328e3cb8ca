"""RobotStop: commands zero in the place of an inference node that died or hangs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Float64MultiArray

from .ros_time import steady_timer

_TIMES, _PERIOD_S = 5, 0.05
_TYPES = {kind.__name__: kind for kind in (Twist, TwistStamped, Float64MultiArray)}


class RobotStop:
    """Publishers of the robot's command topics that are silent until the robot must be stopped.

    Attributes:
        count: How often the robot was stopped.
    """

    def __init__(self, node: Node, group: CallbackGroup) -> None:
        self.count = 0
        self._node = node
        self._zeros: dict[str, tuple[Publisher[Any], Callable[[], Any]]] = {}
        self._left = 0
        self._timer = steady_timer(node, _PERIOD_S, self._repeat, group)
        self._timer.cancel()

    def know(self, actuators: Sequence[Mapping[str, Any]]) -> None:
        """Be ready to command zero on topics; each has `topic`, `type` and `size`."""
        for actuator in actuators:
            topic, kind = actuator["topic"], _TYPES.get(actuator["type"])
            if kind is not None and topic not in self._zeros:
                publisher = self._node.create_publisher(kind, topic, 1)
                self._zeros[topic] = (publisher, self._zero(kind, actuator))

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
        for publisher, zero in self._zeros.values():
            publisher.publish(zero())

    def _zero(self, kind: Any, actuator: Mapping[str, Any]) -> Callable[[], Any]:
        def stamped() -> TwistStamped:
            message = TwistStamped()
            message.header.stamp = self._node.get_clock().now().to_msg()
            message.header.frame_id = str(actuator.get("frame_id", ""))
            return message

        def array() -> Float64MultiArray:
            return Float64MultiArray(data=[0.0] * int(actuator["size"]))

        makers: dict[Any, Callable[[], Any]] = {TwistStamped: stamped, Float64MultiArray: array}
        maker: Callable[[], Any] = makers.get(kind, Twist)
        return maker
