"""world_node: a Gymnasium environment as a robot on topics, in real time."""

from __future__ import annotations

import array
import json
import math
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy.typing as npt
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Float32MultiArray, Float64MultiArray, MultiArrayDimension, String

from pamiq_ros.loop.ticker import Ticker
from pamiq_ros.wire.images import fill_image
from pamiq_ros.world import Episode, Outcome, World, WorldError, parse_kwargs

from .main import run
from .parameters import Parameter, declare

PARAMETERS = (
    Parameter("env_id", "CarRacing-v3", "Gymnasium's name of the environment", read_only=True),
    Parameter("env_kwargs", "{}", "Its keyword arguments, as a YAML mapping", read_only=True),
    Parameter(
        "rate",
        0.0,
        "Steps per second in Hz; 0: the environment's own (render_fps)",
        0.0,
        1000.0,
        read_only=True,
    ),
    Parameter(
        "seed",
        0,
        "Seed of the first episode; -1 for a fresh one at every start",
        -1,
        2**31 - 1,
        read_only=True,
    ),
    Parameter(
        "action_map",
        [""],
        "A term of the twist for each number of an action, such as 'angular.z * -1', "
        "'positive(linear.x) * 0.5 + 0.1' or '0.2'; empty: the environment's preset",
        read_only=True,
    ),
    Parameter(
        "command",
        "twist",
        "What drives it: 'twist' and 'twist_stamped' on cmd_vel, 'array' on action",
        choices=("twist", "twist_stamped", "array"),
        read_only=True,
    ),
    Parameter("frame_id", "camera", "Frame of the pictures", read_only=True),
)

SENSOR_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
EVENT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
TELL_PERIOD_S = 10.0
LARGEST_SKIPPED_SHARE = 0.02


class WorldNode(Node):
    """Publishes what the environment shows, and drives it by the last command.

    Attributes:
        finished: Whether the process should end.
        exit_status: What the process ends with; 1 after the environment has raised.
    """

    exit_status = 0

    def __init__(self) -> None:
        """Make the environment and its topics, and begin to step.

        Raises:
            WorldError: A parameter or the environment can't be used.
        """
        super().__init__("pamiq_world")
        self.finished = False
        if errors := declare(self, PARAMETERS):
            raise WorldError("; ".join(errors.values()))
        self._world = self._make_world()
        rate = self._value("rate") or self._world.rate
        if rate is None:
            raise WorldError(
                f"parameter 'rate': expected a positive one, as {self._world.env_id} does not say "
                "its own (metadata render_fps); found 0"
            )
        self._frame_id = str(self._value("frame_id"))
        if self._world.encoding:
            self._observation = self._publish_on("camera/image_raw", Image, SENSOR_QOS)
        else:
            self._observation = self._publish_on("observation", Float32MultiArray, SENSOR_QOS)
        self._reward = self._publish_on("reward", Float32, EVENT_QOS)
        self._episode = self._publish_on("episode", String, EVENT_QOS)
        self._receive_commands(str(self._value("command")))
        self._ticker = Ticker(rate, self._step)
        self._skipped = 0
        self.create_timer(TELL_PERIOD_S, self._tell_when_slow)
        # The first picture is drawn before there is a second thread: pygame loads parts of itself
        # on first use by importlib's LazyLoader, which two threads can find half loaded.
        self._publish_outcome(self._world.reset())
        self._ticker.start()
        self.get_logger().info(f"{self._world.env_id}, {rate:g} steps a second")

    def stop(self) -> None:
        """End stepping and close the environment; safe to call twice."""
        if self._ticker.stop():
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
        )

    def _publish_on(self, topic: str, kind: Any, qos: QoSProfile) -> Publisher[Any]:
        overriding = QoSOverridingOptions.with_default_policies()
        return self.create_publisher(kind, topic, qos, qos_overriding_options=overriding)

    def _receive_commands(self, command: str) -> None:
        kinds: dict[str, tuple[Any, str, Callable[[Any], None]]] = {
            "twist": (Twist, "cmd_vel", lambda message: self._hold(twist_values(message))),
            "twist_stamped": (
                TwistStamped,
                "cmd_vel",
                lambda message: self._hold(twist_values(message.twist)),
            ),
            "array": (Float64MultiArray, "action", lambda message: self._hold(message.data)),
        }
        kind, topic, receive = kinds[command]
        overriding = QoSOverridingOptions.with_default_policies()
        self.create_subscription(
            kind, topic, receive, COMMAND_QOS, qos_overriding_options=overriding
        )

    def _hold(self, values: Sequence[float]) -> None:
        try:
            self._world.hold(values)
        except WorldError as error:
            self.get_logger().warning(f"ignored: {error}", throttle_duration_sec=1.0)

    def _step(self) -> None:
        try:
            self._publish_outcome(self._world.step())
        except Exception:  # environments are others' code, and a world that failed can't go on
            self.get_logger().fatal(f"{self._world.env_id} failed:\n{traceback.format_exc()}")
            self._ticker.stop()
            self.exit_status, self.finished = 1, True

    def _publish_outcome(self, outcome: Outcome) -> None:
        self._observation.publish(self._observation_message(outcome.observation))
        self._reward.publish(Float32(data=outcome.reward))
        if outcome.ended is not None:
            self._episode.publish(String(data=episode_json(outcome.ended)))

    def _observation_message(self, observation: npt.NDArray[Any]) -> Image | Float32MultiArray:
        if not self._world.encoding:
            message = Float32MultiArray(data=array.array("f", observation.tobytes()))
            message.layout.dim = [
                MultiArrayDimension(
                    label="observation", size=observation.size, stride=observation.size
                )
            ]
            return message
        picture = Image()
        picture.header.stamp = self.get_clock().now().to_msg()
        picture.header.frame_id = self._frame_id
        fill_image(picture, observation, self._world.encoding)
        return picture

    def _tell_when_slow(self) -> None:
        skipped, self._skipped = self._ticker.skipped - self._skipped, self._ticker.skipped
        if skipped > LARGEST_SKIPPED_SHARE * TELL_PERIOD_S / self._ticker.period:
            self.get_logger().warning(
                f"{self._world.env_id} is slower than {1 / self._ticker.period:g} steps a second: "
                f"{skipped} left out in {TELL_PERIOD_S:g} s"
            )


def twist_values(twist: Twist) -> list[float]:
    """A twist's six numbers, linear then angular, in m/s and rad/s."""
    linear, angular = twist.linear, twist.angular
    return [linear.x, linear.y, linear.z, angular.x, angular.y, angular.z]


def episode_json(ended: Episode) -> str:
    """An ended episode as the JSON object that is published."""
    content = {
        "episode": ended.episode,
        "steps": ended.steps,
        "return": ended.total if math.isfinite(ended.total) else None,
        "terminated": ended.terminated,
        "truncated": ended.truncated,
    }
    return json.dumps(content, allow_nan=False)


def main() -> None:
    """Entry point of the executable; exit status 2 for a world that can't be made as asked."""
    try:
        sys.exit(run(WorldNode))
    except WorldError as error:
        get_logger("pamiq_world").fatal(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
