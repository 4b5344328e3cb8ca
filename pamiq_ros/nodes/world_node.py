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

"""world_node: a Gymnasium environment as a robot on topics, in real time."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from std_msgs.msg import Float64MultiArray, MultiArrayDimension

from pamiq_ros.compat import require_message_class
from pamiq_ros.runtime.ticker import Ticker
from pamiq_ros.worlds.gym_world import Outcome, World, WorldError, parse_kwargs
from pamiq_ros.worlds.messages import FLOATS, IMAGE, WorldMessages

from .main import destroyed_if_refused, run_unless_refused
from .parameters import declare
from .tables import WORLD_PARAMETERS

SENSOR_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
EVENT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)

_WARNING_PERIOD_S = 10.0
_MAX_SKIPPED_SHARE = 0.02


class WorldTopics:
    """Publishers of observation, reward, outcome and ended episodes.

    Args:
        node: The node that publishes.
        encoding: Encoding of the images; empty if observations are vectors.
        frame_id: Frame of the images.
    """

    def __init__(self, node: Node, encoding: str, frame_id: str) -> None:
        self._messages, self._frame_id = WorldMessages(encoding), frame_id
        observation = next(iter(self._messages.types))
        self._publishers = {}
        for topic, kind in self._messages.types.items():
            self._publishers[topic] = node.create_publisher(
                require_message_class(topic, kind),
                topic,
                SENSOR_QOS if topic == observation else EVENT_QOS,
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )

    def publish(self, outcome: Outcome, stamp: Any) -> None:
        """Publish the outcome of a step.

        Args:
            outcome: The outcome.
            stamp: Its time, a builtin_interfaces/Time.
        """
        for topic, fill in self._messages.after(outcome).items():
            publisher = self._publishers[topic]
            message = publisher.msg_type()
            fill(message)
            kind = self._messages.types[topic]
            if kind == IMAGE:
                message.header.stamp, message.header.frame_id = stamp, self._frame_id
            elif kind == FLOATS:
                size = len(message.data)
                message.layout.dim = [MultiArrayDimension(label=topic, size=size, stride=size)]
            publisher.publish(message)


class WorldNode(Node):
    """Publishes the environment's observations and drives it by the last command.

    Attributes:
        finished: Whether the process should end.
        exit_status: Exit status of the process; 1 after the environment has raised.
    """

    exit_status = 0

    def __init__(self) -> None:
        """Create the environment and its topics, and start stepping.

        Raises:
            WorldError: A parameter or the environment cannot be used.
        """
        super().__init__("pamiq_world")
        self.finished = False
        with destroyed_if_refused(self):
            self._open()

    def _open(self) -> None:
        if errors := declare(self, WORLD_PARAMETERS):
            raise WorldError("; ".join(errors.values()))
        self._world = self._make_world()
        rate = self._value("rate") or self._world.rate
        if rate is None:
            raise WorldError(
                f"parameter 'rate': expected a positive rate, as {self._world.env_id} has none "
                "of its own (metadata render_fps); found 0"
            )
        self._topics = WorldTopics(self, self._world.encoding, str(self._value("frame_id")))
        self._skipped = 0
        # The first image is rendered before a second thread exists: pygame loads modules on first
        # use by importlib's LazyLoader, and two threads can find them half loaded.
        self._first: Outcome | None = self._world.reset()
        self._receive_commands(str(self._value("command")))
        self._stepping = Ticker(rate, self._tick)
        self.create_timer(_WARNING_PERIOD_S, self._warn_if_slow)
        self._stepping.start()
        self.get_logger().info(f"{self._world.env_id}, {rate:g} steps per second")

    def stop(self) -> None:
        """Stop stepping and close the environment; safe to call twice."""
        if self._stepping.stop():
            self._world.close()

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _make_world(self) -> World:
        seed = int(self._value("seed"))
        return World(
            str(self._value("env_id")),
            parse_kwargs(str(self._value("env_kwargs"))),
            None if seed < 0 else seed,
            [text for text in self._value("action_map") if text],
            "array" if self._value("command") == "array" else "twist",
            str(self._value("observe")),
        )

    def _receive_commands(self, command: str) -> None:
        kinds: dict[str, tuple[Any, str, Callable[[Any], None]]] = {
            "twist": (Twist, "cmd_vel", lambda message: self._command(twist_values(message))),
            "twist_stamped": (
                TwistStamped,
                "cmd_vel",
                lambda message: self._command(twist_values(message.twist)),
            ),
            "array": (Float64MultiArray, "action", lambda message: self._command(message.data)),
        }
        kind, topic, receive = kinds[command]
        overriding = QoSOverridingOptions.with_default_policies()
        self.create_subscription(
            kind, topic, receive, COMMAND_QOS, qos_overriding_options=overriding
        )

    def _command(self, values: Sequence[float]) -> None:
        try:
            self._world.set_command(values)
        except WorldError as error:
            self.get_logger().warning(f"ignored: {error}", throttle_duration_sec=1.0)

    def _tick(self) -> None:
        try:
            first, self._first = self._first, None
            outcome = first or self._world.step()
            self._topics.publish(outcome, self.get_clock().now().to_msg())
        except Exception:  # code of others; a failed environment cannot continue
            self.get_logger().fatal(f"{self._world.env_id} failed:\n{traceback.format_exc()}")
            self._stepping.stop()
            self.exit_status, self.finished = 1, True

    def _warn_if_slow(self) -> None:
        ticker = self._stepping
        skipped, self._skipped = ticker.skipped - self._skipped, ticker.skipped
        if skipped > _MAX_SKIPPED_SHARE * _WARNING_PERIOD_S / ticker.period:
            self.get_logger().warning(
                f"{self._world.env_id} is slower than {1 / ticker.period:g} steps per second: "
                f"{skipped} skipped in {_WARNING_PERIOD_S:g} s"
            )


def twist_values(twist: Twist) -> list[float]:
    """Return the six numbers of a twist, linear then angular, in m/s and rad/s."""
    linear, angular = twist.linear, twist.angular
    return [linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]


def main() -> None:
    """Entry point of the executable; exit status 2 for a world that cannot be created."""
    sys.exit(run_unless_refused(WorldNode, WorldError, "pamiq_world"))


if __name__ == "__main__":
    main()
