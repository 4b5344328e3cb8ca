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

"""ROS for tests: a context of its own on a domain of its own, spun in a thread."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from unittest.mock import patch

import rclpy
from domains import PROFILE, own_domain
from forked import ForkedProcess
from rclpy.node import Node

from pamiq_ros.nodes.spin_thread import SpinThread

DEADLINE_S = 60.0


def wait_until(condition: Callable[[], Any], what: str = "", timeout: float = DEADLINE_S) -> Any:
    """Wait for a condition and give its value; fails with `what` after the deadline."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.005)
    raise AssertionError(f"waited {timeout:g} s in vain for {what or condition}")


class Ros:
    """Nodes of one context, and node processes on the same domain."""

    def __init__(self, context: rclpy.Context, environment: dict[str, str]) -> None:
        self.context = context
        self.environment = environment
        self.processes: list[subprocess.Popen[str] | ForkedProcess] = []
        self.nodes: list[Node] = []
        self._spinning = SpinThread(context)

    def node(self, name: str, **options: Any) -> Node:
        """A node that is being spun."""
        with patch.dict(os.environ, PROFILE):
            node = Node(name, context=self.context, **options)
        self.nodes.append(node)
        self._spinning.add(node)
        return node

    def start(self, module: str, *arguments: str) -> ForkedProcess:
        """Start a node's module as a process, with ROS arguments."""
        stderr = TemporaryFile("w+")  # noqa: SIM115
        process = ForkedProcess(module, ("--ros-args", *arguments), self.environment, stderr)
        self.processes.append(process)
        return process

    def close(self) -> None:
        """End every process and node."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()
        self._spinning.close()


@contextmanager
def ros_domain() -> Iterator[Ros]:
    """ROS on this machine alone, on a domain of this test process."""
    domain = own_domain()
    os.environ["ROS_AUTOMATIC_DISCOVERY_RANGE"] = "LOCALHOST"
    path = [str(Path(__file__).parent / "nodes"), os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        **PROFILE,
        "ROS_DOMAIN_ID": str(domain),
        "PYTHONPATH": os.pathsep.join(part for part in path if part),
    }
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=domain)
    ros = Ros(context, environment)
    try:
        yield ros
    finally:
        ros.close()
        rclpy.shutdown(context=context)
