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

"""Which clock counts: ticks go by `/clock` where a node uses simulated time, reports never do."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup
from rclpy.clock import Clock, JumpThreshold
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.timer import Timer

from pamiq_ros.compat import ClockType
from pamiq_ros.runtime.ticker import SteadyTime, TickTime

_LOOK_S = 0.1
_ANY_JUMP = JumpThreshold(
    min_forward=Duration(nanoseconds=1),
    min_backward=Duration(nanoseconds=-1),
    on_clock_change=True,
)


class _Waiting:
    def __init__(self) -> None:
        self.event = threading.Event()

    def wake(self, _: object) -> None:
        self.event.set()


class RosTime:
    """A node's clock; every message on `/clock` moves it."""

    def __init__(self, node: Node) -> None:
        self._clock = node.get_clock()
        self._waiting = _Waiting()
        jumps = self._clock.create_jump_callback(_ANY_JUMP, post_callback=self._waiting.wake)
        # The clock would continue to call a handle that no longer exists, and crash.
        weakref.finalize(self, jumps.unregister).atexit = False

    def now(self) -> float:
        """Seconds of ROS time; they may go back."""
        return float(self._clock.now().nanoseconds) * 1e-9

    def wait(self, seconds: float, wake: threading.Event) -> None:
        """Wait until the clock moves, or `wake` is set, or a moment has passed."""
        self._waiting.event = wake
        wake.wait(_LOOK_S)
        wake.clear()


def tick_time(node: Node) -> TickTime:
    """The time by which a node's ticks are due: steady, or simulated where the node uses that."""
    return RosTime(node) if uses_sim_time(node) else SteadyTime()


def steady_timer(
    node: Node,
    period: float,
    callback: Callable[[], None],
    group: CallbackGroup | None = None,
) -> Timer:
    """A timer that runs while a simulated clock stands still; `period` is in s."""
    steady = Clock(clock_type=ClockType.STEADY_TIME)
    return node.create_timer(period, callback, callback_group=group, clock=steady)


def uses_sim_time(node: Node) -> bool:
    """Whether the node's parameter `use_sim_time` is set."""
    return bool(node.get_parameter("use_sim_time").value)
