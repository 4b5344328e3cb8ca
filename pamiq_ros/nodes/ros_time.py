"""RosTime: ticks by `/clock`, where a node uses simulated time."""

from __future__ import annotations

import threading

from rclpy.clock import JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node

from pamiq_ros.loop.tick_time import SteadyTime, TickTime

_LOOK_S = 0.1
_ANY_JUMP = JumpThreshold(
    min_forward=Duration(nanoseconds=1),
    min_backward=Duration(nanoseconds=-1),
    on_clock_change=True,
)


class RosTime:
    """A node's clock; every message on `/clock` moves it."""

    def __init__(self, node: Node) -> None:
        self._clock = node.get_clock()
        self._wake = threading.Event()
        self._jumps = self._clock.create_jump_callback(
            _ANY_JUMP, post_callback=lambda _: self._wake.set()
        )

    def now(self) -> float:
        """Seconds of ROS time; they may go back."""
        return float(self._clock.now().nanoseconds) * 1e-9

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait until the clock moves, or `wake` is set, or a moment has passed."""
        self._wake = wake
        wake.wait(_LOOK_S)
        wake.clear()


def tick_time(node: Node) -> TickTime:
    """The time by which a node's ticks are due: steady, or simulated where the node uses that."""
    return RosTime(node) if uses_sim_time(node) else SteadyTime()


def uses_sim_time(node: Node) -> bool:
    """Whether the node's parameter `use_sim_time` is set."""
    return bool(node.get_parameter("use_sim_time").value)
