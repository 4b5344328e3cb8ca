"""The robot is stopped when the node that moves it gives no sign of life, or never did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from geometry_msgs.msg import Twist
from rclpy.callback_groups import ReentrantCallbackGroup
from ros_helpers import wait_until

from pamiq_ros.loop.watchdog import Watchdog
from pamiq_ros.nodes.alive import PERIOD_S, sign_of_life
from pamiq_ros.nodes.robot_guard import RobotGuard
from pamiq_ros.nodes.robot_stop import RobotStop
from pamiq_ros.nodes.ros_time import steady_timer

if TYPE_CHECKING:
    from ros_helpers import Ros

MOVES = [{"topic": "/cmd_vel", "type": "Twist", "size": 2}]


class Watched:
    """A guard, what it commands, and the node that it watches."""

    def __init__(self, ros: Ros) -> None:
        self.may_move = True
        control, self.actor = ros.node("control"), ros.node("actor")
        self.commands: list[Twist] = []
        self.actor.create_subscription(Twist, "cmd_vel", self.commands.append, 10)
        group = ReentrantCallbackGroup()
        self.stop = RobotStop(control, group)
        self.stop.know(MOVES)
        self.guard = RobotGuard(control, "actor", lambda: self.may_move, self.stop, group)
        steady_timer(control, 0.1, self.guard.look, group)
        count: Any = self.actor.count_publishers
        wait_until(lambda: count("/cmd_vel"), "the publisher of zeros")

    def live(self) -> Watchdog:
        """Let the node give signs of life until the watchdog is closed."""
        watchdog = Watchdog(PERIOD_S, sign_of_life(self.actor).assert_liveliness)
        wait_until(lambda: self.guard.sees_life, "a sign of life")
        return watchdog


def test_who_lives_is_left_alone_and_who_died_is_stopped_in_whatever_state_may_move(
    ros: Ros,
) -> None:
    watched = Watched(ros)
    life = watched.live()
    assert (watched.stop.count, watched.commands) == (0, [])
    life.close()
    wait_until(lambda: len(watched.commands) >= 3, "zeros")
    assert watched.commands[0] == Twist()
    assert watched.stop.count == 1
    watched.live().close()
    wait_until(lambda: watched.stop.count == 2, "another stop")


def test_who_never_showed_a_sign_of_life_and_may_move_is_stopped_once(ros: Ros) -> None:
    watched = Watched(ros)
    wait_until(lambda: watched.commands, "a zero")
    wait_until(lambda: len(watched.commands) == 5, "all zeros")
    assert watched.stop.count == 1


def test_who_does_not_move_need_not_live(ros: Ros) -> None:
    watched = Watched(ros)
    watched.may_move = False
    watched.live().close()
    wait_until(lambda: not watched.guard.sees_life, "the end")
    watched.guard.look()
    assert watched.stop.count == 0
