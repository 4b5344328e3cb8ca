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

"""RobotGuard: commands zero when the liveliness signal of the driving node stops."""

from __future__ import annotations

import array
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node
from rclpy.publisher import Publisher

from pamiq_ros.compat import message_class
from pamiq_ros.supervision.reports import MOST_ACTUATORS

from .liveliness import watch
from .ros_time import steady_timer

_TIMES, _PERIOD_S = 20, 0.05
"""Zeros for a second: commands of the dead node can be delivered late, and must not be the last."""
_UNKNOWN = "_NODE_NAME_UNKNOWN_"  # rmw's name for a publisher's node during discovery
_LONGEST_FRAME = 256
_NO_COMMAND = re.compile("/(pamiq|rosout|parameter_events|diagnostics)")


class Command(NamedTuple):
    """A command topic: its name, the name of its type, the number of values, and the frame."""

    topic: str
    type: str
    size: int
    frame_id: str


class RobotStop:
    """Publishers of the robot's command topics, used only to stop the robot.

    Reports name the topics, and any process can publish a report. So only topics are used on which
    the driving node has a publisher, and at most `MOST_ACTUATORS`.

    Attributes:
        count: How often the robot was stopped.
    """

    def __init__(self, node: Node, name: str, group: CallbackGroup) -> None:
        """Create no publisher yet.

        Args:
            node: The control node.
            name: Name of the driving node.
            group: Callback group of the timer.
        """
        self.count = 0
        self._node, self._name = node, name
        self._zeros: dict[Command, tuple[Publisher[Any], Callable[[], Any]]] = {}
        self._lock = threading.Lock()
        self._left = 0
        self._timer = steady_timer(node, _PERIOD_S, self._repeat, group)
        self._timer.cancel()

    def know(self, actuators: Sequence[Mapping[str, Any]]) -> None:
        """Create publishers for actuators, each with `topic`, `type`, `size` and `frame_id`."""
        with self._lock:
            for actuator in actuators:
                frame_id = str(actuator.get("frame_id", ""))[:_LONGEST_FRAME]
                topic, kind, size = (actuator[key] for key in ("topic", "type", "size"))
                command = Command(topic, kind, size, frame_id)
                if command in self._zeros:
                    continue
                if (kind := self._published(command)) is not None and self._has_room():
                    self._offer(command, kind)

    def stop(self) -> None:
        """Command zero now and for one second, because commands may still be delivered."""
        self.count += 1
        self._left = _TIMES
        self._repeat()
        self._timer.reset()

    def leave(self) -> None:
        """Stop commanding zero: the inference node drives again."""
        self._left = 0

    def _repeat(self) -> None:
        if self._left <= 0:
            self._timer.cancel()
            return
        self._left -= 1
        with self._lock:
            for publisher, zero in self._zeros.values():
                publisher.publish(zero())

    def _published(self, command: Command) -> Any | None:
        """Return the class of this command's messages if the driving node publishes them."""
        if _NO_COMMAND.search(command.topic):
            return None
        ours = {(self._name, self._node.get_namespace())}
        for found in self._node.get_publishers_info_by_topic(command.topic):
            is_ours = {(found.node_name, found.node_namespace)} == ours
            is_type = found.topic_type.rpartition("/")[2] == command.type
            if is_type and (is_ours or found.node_name == _UNKNOWN):
                return message_class(found.topic_type)
        return None

    def _has_room(self) -> bool:
        if len(self._zeros) >= MOST_ACTUATORS:
            for command in [known for known in self._zeros if self._published(known) is None]:
                self._node.destroy_publisher(self._zeros.pop(command)[0])
        if len(self._zeros) >= MOST_ACTUATORS:
            self._warn(f"expected at most {MOST_ACTUATORS} actuators, found more: not all of them")
        return len(self._zeros) < MOST_ACTUATORS

    def _offer(self, command: Command, kind: Any) -> None:
        try:
            publisher = self._node.create_publisher(kind, command.topic, 1)
        except RuntimeError as error:  # this node has the topic already, with another type
            self._warn(f"{command.topic} ({error}): not")
            return
        self._zeros[command] = (publisher, partial(self._zero, command, kind))

    def _warn(self, why: str) -> None:
        text = f"{why} stopped in the place of {self._name}"
        self._node.get_logger().warning(text, throttle_duration_sec=10.0)

    def _zero(self, command: Command, kind: Any) -> Any:
        message = kind()  # the numbers of a new message are zero
        if hasattr(message, "header"):
            message.header.stamp = self._node.get_clock().now().to_msg()
            message.header.frame_id = command.frame_id
        if isinstance(data := getattr(message, "data", None), array.array):
            message.data = array.array(data.typecode, bytes(data.itemsize * command.size))
        return message


DOUBT_S = 0.04
_MOST_DOUBTS = 5
UNSEEN_S = 1.0
"""Maximum time until the first liveliness signal of a node that may drive, in s."""


class RobotGuard:
    """Watches the liveliness signal of one node.

    Attributes:
        sees_life: Whether the newest signal is within the lease of `alive`.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        may_move: Callable[[], bool],
        robot_stop: RobotStop,
        group: CallbackGroup,
        on_death: Callable[[], None] = lambda: None,
        on_life: Callable[[], None] = lambda: None,
    ) -> None:
        """Begin to watch.

        Args:
            node: The control node.
            name: Name of the driving node.
            may_move: Returns whether that node may drive now.
            robot_stop: Commands zero.
            group: Callback group, reentrant.
            on_death: Called when the signal of the driving node has stopped.
            on_life: Called when a node of that name gives the signal again.
        """
        self.sees_life = False
        self._node, self._name = node, name
        self._may_move, self._robot_stop = may_move, robot_stop
        self._on_death, self._on_life = on_death, on_life
        self._has_stopped = False
        self._unseen_since: float | None = None
        self._lock = threading.Lock()
        watch(node, name, self._on_alive, group)

    def look(self) -> None:
        """Detect a driving node that has never given a signal. Called a few times per second.

        The middleware only reports signals that stop.
        """
        now = time.monotonic()
        if self.sees_life or not self._may_move():
            self._unseen_since, self._has_stopped = None, False
        elif self._unseen_since is None:
            self._unseen_since = now
        elif now - self._unseen_since >= UNSEEN_S:
            self._stop()

    def _on_alive(self, alive: bool, died: bool) -> None:
        self.sees_life, self._has_stopped = alive, False
        if alive and not died:
            self._robot_stop.leave()
            self._on_life()
        # If another node of that name is alive, it need not be the driving one.
        elif self._may_move() and (alive or self._stays_away()):
            self._stop()
            self._on_death()

    def _stays_away(self) -> bool:
        # If this process was delayed itself, the signs of life that it missed are delivered now;
        # while it still is, sleeping takes longer than requested.
        for _ in range(_MOST_DOUBTS):
            began = time.monotonic()
            time.sleep(DOUBT_S)
            if self.sees_life:
                return False
            if time.monotonic() - began < 1.5 * DOUBT_S:
                break
        return True

    def _stop(self) -> None:
        with self._lock:
            if self._has_stopped:
                return
            self._has_stopped = True
        self._robot_stop.stop()
        self._node.get_logger().error(
            f"robot stopped: {self._name} gives no sign of life; it died, was ended, or hangs"
        )
