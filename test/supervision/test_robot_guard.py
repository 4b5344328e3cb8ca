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

"""The robot is stopped when the node that moves it gives no sign of life, or never did."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
from domains import own_domain
from geometry_msgs.msg import Twist, TwistStamped, Vector3, Vector3Stamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.node import Node
from ros_helpers import wait_until
from std_msgs.msg import Float64MultiArray, String, UInt8MultiArray

from pamiq_ros.supervision import robot_guard
from pamiq_ros.supervision.liveliness import PERIOD_S, Watchdog, sign_of_life
from pamiq_ros.supervision.reports import MOST_ACTUATORS
from pamiq_ros.supervision.robot_guard import RobotGuard, RobotStop
from pamiq_ros.supervision.ros_time import steady_timer

if TYPE_CHECKING:
    from ros_helpers import Ros

MOVES = [{"topic": "/cmd_vel", "type": "Twist", "size": 2}]


def offered(node: Node, kind: str | None = "geometry_msgs/msg/Twist") -> set[str]:
    """The topics of a type that a node publishes; None for any type."""
    found = node.get_publisher_names_and_types_by_node(node.get_name(), node.get_namespace())
    return {topic for topic, kinds in found if kind is None or kind in kinds}


def know(stop: RobotStop, control: Node, actuators: list[dict[str, Any]]) -> None:
    """Tell again and again what moves the robot, as reports do, until it is known."""
    topics = {actuator["topic"] for actuator in actuators}

    def all_known() -> bool:
        stop.know(actuators)
        return topics <= offered(control, None)

    wait_until(all_known, f"publishers of zeros on {topics}")


def twists(*topics: str) -> list[dict[str, Any]]:
    """Actuators as a report names them."""
    return [{"topic": topic, "type": "Twist", "size": 2} for topic in topics]


class Watched:
    """A guard, what it commands, and the node that it watches."""

    def __init__(self, ros: Ros) -> None:
        self.may_move = True
        control, self.actor = ros.node("control"), ros.node("actor")
        self.commands: list[Twist] = []
        self.actor.create_subscription(Twist, "cmd_vel", self.commands.append, 10)
        group = ReentrantCallbackGroup()
        self.actor.create_publisher(Twist, "cmd_vel", 10)
        self.stop = RobotStop(control, "actor", group)
        know(self.stop, control, MOVES)
        self.guard = RobotGuard(control, "actor", lambda: self.may_move, self.stop, group)
        steady_timer(control, 0.1, self.guard.look, group)
        count: Any = self.actor.count_publishers
        wait_until(lambda: count("/cmd_vel") == 2, "the publisher of zeros")

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
    wait_until(lambda: len(watched.commands) == 20, "zeros for a second")
    assert watched.stop.count == 1


def test_a_late_command_of_the_dead_node_is_not_the_last(ros: Ros) -> None:
    watched = Watched(ros)
    late = watched.actor.create_publisher(Twist, "cmd_vel", 10)
    watched.live().close()
    wait_until(lambda: len(watched.commands) >= 6, "zeros")
    late.publish(Twist(linear=Vector3(x=1.0)))
    wait_until(lambda: any(command.linear.x for command in watched.commands), "the late command")
    wait_until(lambda: watched.commands[-1] == Twist(), "a zero after it")


def test_zeros_end_when_the_node_shows_a_sign_of_life_again(ros: Ros) -> None:
    watched = Watched(ros)
    watched.live().close()
    wait_until(lambda: watched.commands, "a zero")
    life = watched.live()
    before = len(watched.commands)
    time.sleep(0.5)
    assert len(watched.commands) <= before + 2
    life.close()


@pytest.mark.parametrize(("signs_after", "stops"), [(2, 0), (100, 1)])
def test_signs_of_life_are_waited_for_while_the_machine_holds_the_guard_up(
    ros: Ros, monkeypatch: pytest.MonkeyPatch, signs_after: int, stops: int
) -> None:
    watched = Watched(ros)
    life = watched.live()
    naps: list[float] = []

    def late(seconds: float) -> None:
        naps.append(seconds)
        time.sleep(2 * seconds)
        watched.guard.sees_life = len(naps) >= signs_after

    clock = SimpleNamespace(sleep=late, monotonic=time.monotonic)
    monkeypatch.setattr(robot_guard, "time", clock)
    watched.guard._on_alive(False, True)
    assert (watched.stop.count, len(naps)) == (stops, min(signs_after, 5))
    monkeypatch.undo()
    life.close()


def test_who_does_not_move_need_not_live(ros: Ros) -> None:
    watched = Watched(ros)
    watched.may_move = False
    watched.live().close()
    wait_until(lambda: not watched.guard.sees_life, "the end")
    watched.guard.look()
    assert watched.stop.count == 0


def test_a_report_alone_makes_the_control_node_publish_nothing(ros: Ros) -> None:
    control, actor = ros.node("control"), ros.node("actor")
    ros.node("somebody").create_publisher(Twist, "theirs/cmd_vel", 10)
    actor.create_publisher(Twist, "cmd_vel", 10)
    stop = RobotStop(control, "actor", ReentrantCallbackGroup())
    for number in range(5):
        stop.know(twists(*(f"/made_up_{number}_{index}" for index in range(MOST_ACTUATORS))))
    know(stop, control, MOVES)
    wait_until(lambda: control.get_publishers_info_by_topic("/theirs/cmd_vel"), "their publisher")
    stop.know(twists("/theirs/cmd_vel"))
    assert offered(control) == {"/cmd_vel"}


@pytest.mark.parametrize(
    ("kind", "zero"),
    [
        (TwistStamped, lambda m: m.header.frame_id == "base" and m.twist == Twist()),
        (Float64MultiArray, lambda m: list(m.data) == [0.0, 0.0]),
        (UInt8MultiArray, lambda m: list(m.data) == [0, 0]),
        (Vector3Stamped, lambda m: m.vector.x == 0.0 and m.header.stamp.sec > 0),
    ],
)
def test_an_actuator_of_any_type_is_stopped(ros: Ros, kind: Any, zero: Any) -> None:
    control, actor = ros.node("control"), ros.node("actor")
    heard: list[Any] = []
    actor.create_subscription(kind, "drive", heard.append, 10)
    actor.create_publisher(kind, "drive", 10)
    stop = RobotStop(control, "actor", ReentrantCallbackGroup())
    know(stop, control, [{"topic": "/drive", "type": kind.__name__, "size": 2, "frame_id": "base"}])
    wait_until(lambda: actor.count_publishers("/drive") == 2, "the publisher of zeros")
    stop.stop()
    wait_until(lambda: heard, "a zero")
    assert zero(heard[0])


def test_our_own_topics_are_no_commands(ros: Ros) -> None:
    control, actor = ros.node("control"), ros.node("pamiq_inference")
    actor.create_publisher(String, "~/report", 1)
    stop = RobotStop(control, "pamiq_inference", ReentrantCallbackGroup())
    report = "/pamiq_inference/report"
    wait_until(lambda: control.count_publishers(report), "the report's publisher")
    stop.know([{"topic": report, "type": "String", "size": 0}])
    assert report not in offered(control, "std_msgs/msg/String")


def test_a_topic_that_the_control_node_has_with_another_type_harms_nothing(ros: Ros) -> None:
    control = ros.node("control")
    control.create_publisher(String, "pamiq/status", 1)
    stop = RobotStop(control, "actor", ReentrantCallbackGroup())
    elsewhere = Context()  # a participant of its own may give a topic another type
    elsewhere.init(domain_id=own_domain())
    actor = Node("actor", context=elsewhere)
    try:
        for topic in ("pamiq/status", "cmd_vel"):
            actor.create_publisher(Twist, topic, 10)
        count: Any = control.count_publishers
        wait_until(lambda: count("/pamiq/status") == 2, "the other publisher")
        know(stop, control, MOVES)
        stop.know([*twists("/pamiq/status"), *MOVES])
        assert offered(control) == {"/cmd_vel"}
    finally:
        actor.destroy_node()
        elsewhere.shutdown()


def test_actuators_have_an_upper_number_and_new_ones_take_the_place_of_those_that_are_gone(
    ros: Ros,
) -> None:
    control, actor = ros.node("control"), ros.node("actor")
    stop = RobotStop(control, "actor", ReentrantCallbackGroup())
    topics = [f"/wheel_{index}" for index in range(MOST_ACTUATORS)]
    publishers = [actor.create_publisher(Twist, topic, 10) for topic in [*topics, "/arm"]]
    know(stop, control, twists(*topics))
    wait_until(lambda: control.get_publishers_info_by_topic("/arm"), "the arm's publisher")
    stop.know(twists("/arm"))
    assert offered(control) == set(topics)
    actor.destroy_publisher(publishers[0])
    know(stop, control, twists("/arm"))
    wait_until(lambda: offered(control) == {*topics[1:], "/arm"}, "the end of the first")
