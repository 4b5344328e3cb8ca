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

"""vrchat_node: an avatar in VRChat as a robot: cmd_vel in, camera/image_raw out."""

from __future__ import annotations

import sys
import time
from typing import Any

from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image

from pamiq_ros.pixels import fill_image
from pamiq_ros.runtime.ticker import Ticker
from pamiq_ros.supervision.ros_time import steady_timer
from pamiq_ros.worlds.vrchat import Avatar, AvatarSpeeds, Capture, CaptureError

from .main import destroyed_if_refused, run_unless_refused
from .parameters import declare
from .tables import VRCHAT_PARAMETERS

SENSOR_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
COMMAND_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)
DEFAULT_RATE = 30.0


class VrchatNode(Node):
    """Publishes the avatar's view and moves the avatar by the last command.

    Attributes:
        finished: Whether the process should end.
        exit_status: Exit status of the process; 1 if the images end.
    """

    exit_status = 0

    def __init__(self) -> None:
        """Open the source of images and start.

        Raises:
            CaptureError: A parameter or the source cannot be used.
        """
        super().__init__("pamiq_vrchat")
        self.finished = False
        with destroyed_if_refused(self):
            self._open()

    def _open(self) -> None:
        if errors := declare(self, VRCHAT_PARAMETERS):
            raise CaptureError("; ".join(errors.values()))
        self._avatar = self._make_avatar()
        self._capture = Capture(self._value("capture"), self._value("loop"))
        self._commanded_at = self._updated = time.monotonic()
        overriding = QoSOverridingOptions.with_default_policies()
        self._camera = self.create_publisher(
            Image, "camera/image_raw", SENSOR_QOS, qos_overriding_options=overriding
        )
        kind: Any = TwistStamped if self._value("twist_stamped") else Twist
        self.create_subscription(
            kind, "cmd_vel", self._on_command, COMMAND_QOS, qos_overriding_options=overriding
        )
        steady_timer(self, 1.0 / self._value("osc_rate"), self._update)
        rate = self._value("rate") or self._capture.rate or DEFAULT_RATE
        self._ticker = Ticker(rate, self._publish_image)
        self._ticker.start()
        self.get_logger().info(f"capture '{self._value('capture')}', {rate:g} images per second")

    def stop(self) -> None:
        """Stop the avatar and close everything; safe to call twice."""
        self._avatar.stop()
        if self._ticker.stop():
            self._capture.close()

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _make_avatar(self) -> Avatar:
        names = ("walk_speed", "run_speed", "turn_speed", "jump_speed", "smoothing")
        try:
            speeds = AvatarSpeeds(*(self._value(name) for name in names))
        except ValueError as error:
            raise CaptureError(f"parameters of the avatar's speed: {error}") from error
        return Avatar(self._value("osc_host"), self._value("osc_port"), speeds)

    def _on_command(self, message: Twist | TwistStamped) -> None:
        twist = message.twist if isinstance(message, TwistStamped) else message
        linear = twist.linear
        try:
            self._avatar.drive(linear.x, linear.y, linear.z, twist.angular.z)
        except ValueError as error:
            self.get_logger().warning(f"ignored: {error}", throttle_duration_sec=1.0)
            return
        self._commanded_at = time.monotonic()

    def _update(self) -> None:
        now = time.monotonic()
        if now - self._commanded_at > self._value("command_timeout"):
            self._avatar.stop()
        else:
            self._avatar.update(now - self._updated)
        self._updated = now

    def _publish_image(self) -> None:
        try:
            picture = self._capture.read()
        except CaptureError as error:
            self._end(str(error))
            return
        if picture is None:
            self._end(f"capture '{self._value('capture')}': it has no more images")
            return
        message = Image()
        message.header.stamp = self.get_clock().now().to_msg()
        message.header.frame_id = self._value("frame_id")
        fill_image(message, picture, "bgr8")
        self._camera.publish(message)

    def _end(self, text: str) -> None:
        self.get_logger().fatal(text)
        self._avatar.stop()
        self.exit_status, self.finished = 1, True
        self._ticker.stop()


def main() -> None:
    """Entry point of the executable; exit status 2 for a source that cannot be used."""
    sys.exit(run_unless_refused(VrchatNode, CaptureError, "pamiq_vrchat"))


if __name__ == "__main__":
    main()
