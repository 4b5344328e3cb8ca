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

"""Real nodes as processes on a domain of their own, and a probe that plays robot and user."""

from __future__ import annotations

import array
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import rclpy
from domains import PROFILE, own_domain
from forked import ForkedProcess
from geometry_msgs.msg import Twist
from rcl_interfaces.srv import SetParameters
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.nodes.spin_thread import SpinThread
from pamiq_ros.supervision.reporter import LATCHED

TINY = f"{Path(__file__).parent / 'tiny_system.py'}:system"
DEADLINE_S = 90.0
DOMAIN = own_domain()
GREY = 128
# On a busy machine the test's own pictures may be 0.5 s late, and a step may take 0.3 s: either
# stops the robot, which is of no interest to most tests.
LENIENT_TIMEOUTS = ("-p", "observation_timeout:=10.0", "-p", "step_timeout:=10.0")
# Beside other tests a learner would yield to what they do, not to its robot alone.
ARGUMENTS = {"training_node": ("-p", "niceness:=0")} if "PYTEST_XDIST_WORKER" in os.environ else {}


def wait_until(
    condition: Callable[[], Any], what: str, timeout: float = DEADLINE_S, every: float = 0.01
) -> Any:
    """Wait for a condition, looked at every so many s, and give its value.

    Fails with `what` after the deadline.
    """
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(every)
    raise AssertionError(f"waited {timeout:g} s in vain for {what}")


class Probe(Node):
    """Plays the camera, hears the commands and the status, calls the services."""

    def __init__(self, context: rclpy.Context, size: int) -> None:
        super().__init__("probe", context=context)
        self.commands: list[Twist] = []
        self.status: dict[str, Any] = {}
        self.size = self._first_size = size
        self.shade, self.encoding = GREY, "rgb8"
        self.make_picture: Callable[[], Image] | None = None
        self._forgotten: set[str] = set()
        # Kept: to destroy one in the test's thread races with the executor's.
        self._callers: dict[str, Any] = {}
        self._camera = self.create_publisher(Image, "camera/image_raw", qos_profile_sensor_data)
        self.create_subscription(Twist, "cmd_vel", self.commands.append, 10)
        self.create_subscription(String, "pamiq/status", self._on_status, LATCHED)
        self._shooting = self.create_timer(0.02, self.shoot)

    def _on_status(self, message: String) -> None:
        self.status = json.loads(message.data)

    def shoot(self) -> None:
        """Publish one picture of one shade of grey, or what `make_picture` makes."""
        if make := self.make_picture:
            self._camera.publish(make())
            return
        message = Image(height=self.size, width=self.size, encoding=self.encoding)
        message.header.stamp = self.get_clock().now().to_msg()
        message.step = self.size * 3
        message.data = array.array("B", bytes([self.shade]) * (self.size * self.size * 3))
        self._camera.publish(message)

    def cover_lens(self) -> None:
        """Stop publishing pictures."""
        self._shooting.cancel()

    def remove_camera(self) -> None:
        """Stop publishing pictures for good."""
        self.cover_lens()
        self.executor.create_task(lambda: self.destroy_publisher(self._camera))

    def uncover_lens(self) -> None:
        """Go on publishing pictures."""
        self._shooting.reset()

    def show_grey(self) -> None:
        """Publish pictures as at the beginning."""
        self.size, self.shade, self.encoding = self._first_size, GREY, "rgb8"
        self.uncover_lens()

    def call(self, service: str) -> Trigger.Response:
        """Call a Trigger service and wait for its answer."""
        return self._call(Trigger, service, Trigger.Request())

    def set_parameter(self, node: str, name: str, value: Any) -> Any:
        """Set a parameter of a node as `ros2 param set` does."""
        parameter = Parameter(name, value=value).to_parameter_msg()
        request = SetParameters.Request(parameters=[parameter])
        return self._call(SetParameters, f"{node}/set_parameters", request).results[0]

    def _call(self, kind: type[Any], service: str, request: Any) -> Any:
        if service not in self._callers:
            self._callers[service] = self.create_client(kind, service)
        client = self._callers[service]
        assert client.wait_for_service(DEADLINE_S), service
        future = client.call_async(request)
        wait_until(future.done, f"the answer of {service}")
        return future.result()

    def state(self) -> str:
        """The system's state as the newest status has it."""
        return self.status.get("state", "")

    def inference(self) -> dict[str, Any]:
        """The inference figures of the newest status."""
        return self.status.get("report", {}).get("inference", {})

    def errors(self) -> str:
        """All errors of the newest status in one text, without those that were forgotten."""
        return "\n".join(e for e in self.status.get("errors", []) if e not in self._forgotten)

    def forget_errors(self) -> None:
        """From now on, tell only errors that are new or came again."""
        self._forgotten = set(self.status.get("errors", []))

    def moving(self) -> bool:
        """Whether the newest command is not zero."""
        return bool(self.commands) and self.commands[-1].linear.x != 0.0

    def standing(self) -> bool:
        """Whether the newest command is zero."""
        return bool(self.commands) and self.commands[-1] == Twist()


class Graph:
    """The node processes and the probe."""

    def __init__(self, probe: Probe, environment: dict[str, str]) -> None:
        self.probe = probe
        self.system = TINY
        self.processes: dict[str, ForkedProcess | subprocess.Popen[bytes]] = {}
        self._environment = environment

    def start(self, executable: str, *arguments: str) -> ForkedProcess:
        """Start one node."""
        module = f"pamiq_ros.nodes.{executable}"
        given = ("--ros-args", *ARGUMENTS.get(executable, ()), *arguments)
        process = ForkedProcess(module, given, self._environment)
        self.processes[executable] = process
        return process

    def start_by(
        self, prefix: Sequence[str], executable: str, *arguments: str
    ) -> subprocess.Popen[bytes]:
        """Start one node by a command that runs the one after it in its own process."""
        command = [sys.executable, "-m", f"pamiq_ros.nodes.{executable}", "--ros-args", *arguments]
        process = subprocess.Popen([*prefix, *command], env=self._environment)
        self.processes[executable] = process
        return process

    def start_all(self, system: str = TINY, *arguments: str) -> None:
        """Start the three nodes with one system."""
        options = ("-p", f"system:={system}", *arguments)
        self.start("control_node")
        self.start("inference_node", *options)
        self.start("training_node", *options)

    def wait_state(self, state: str) -> None:
        """Wait until the status says `state`."""
        try:
            wait_until(lambda: self.probe.state() == state, f"state {state}")
        except AssertionError as error:
            self._show_stacks()
            raise AssertionError(f"{error}; the status is {self.probe.status}") from error

    def _show_stacks(self) -> None:
        for process in self.processes.values():
            if isinstance(process, ForkedProcess):
                process.send_signal(signal.SIGUSR1)
                time.sleep(0.5)  # all write to one stderr, and nothing says when they have


@contextmanager
def graph(size: int = 16) -> Iterator[Graph]:
    """A probe on a domain of its own; every process started by it is gone at the end."""
    environment = {
        **os.environ,
        "ROS_DOMAIN_ID": str(DOMAIN),
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        **PROFILE,
    }
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=DOMAIN)
    spinning = SpinThread(context)
    with patch.dict(os.environ, PROFILE):
        probe = Probe(context, size)
    spinning.add(probe)
    made = Graph(probe, environment)
    try:
        yield made
    finally:
        for process in made.processes.values():
            process.terminate()
        for process in made.processes.values():
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        spinning.close()
        rclpy.shutdown(context=context)
