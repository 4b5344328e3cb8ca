"""RobotGuard: stops the robot when the node that moves it gives no sign of life."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rclpy.callback_groups import CallbackGroup
from rclpy.node import Node

from .alive import watch
from .robot_stop import RobotStop

DOUBT_S = 0.04
_MOST_DOUBTS = 5
UNSEEN_S = 1.0
"""A node that may move the robot has to have shown its first sign of life within this time."""


class RobotGuard:
    """Watches the sign of life of one node.

    Attributes:
        sees_life: Whether the newest sign is not older than the lease of `alive`.
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
            name: The node that moves the robot.
            may_move: Whether that node may move the robot now, as far as is known.
            robot_stop: Commands zero.
            group: For the callbacks; reentrant.
            on_death: Called when the node that moves the robot gives no sign of life any more.
            on_life: Called when a node of that name gives one again.
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
        """Find a node that moves the robot and never showed a sign of life; a few times a second.

        For it no sign ever stays away, which is what the middleware tells of.
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
        # Another one that lives need not be the one that moves the robot.
        elif self._may_move() and (alive or self._stays_away()):
            self._stop()
            self._on_death()

    def _stays_away(self) -> bool:
        # Where this process was held up itself, the signs of life that it missed come now; while it
        # still is, sleeping takes longer than asked for.
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
