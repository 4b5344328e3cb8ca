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

"""The real nodes as processes of their own, and who listens to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import rclpy
from processes import own_environment, with_profile
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.nodes.spin_thread import SpinThread
from pamiq_ros.supervision.reporter import LATCHED

SYSTEM = f"{Path(__file__).with_name('load_system.py')}:system"
START_S = 90.0

T = TypeVar("T")


def join_the_nodes() -> None:
    """Give this process the environment of the nodes, before it initialises rclpy."""
    os.environ.update(with_profile(own_environment()))


def start(room: str, *parameters: str) -> subprocess.Popen[bytes]:
    """Start a node as `pamiq-ros` does: a process with a session of its own."""
    command = [sys.executable, "-m", f"pamiq_ros.nodes.{room}_node", "--ros-args"]
    for parameter in parameters:
        command += ["-p", parameter]
    environment = with_profile(own_environment())
    return subprocess.Popen(command, env=environment, start_new_session=True)


class Listener:
    """Hears the nodes' reports and ends the graph."""

    def __init__(self) -> None:
        rclpy.init()
        self.reports: dict[str, dict[str, Any]] = {}
        self._node = rclpy.create_node("benchmark")
        for name in ("inference", "training"):
            self._node.create_subscription(
                String, f"pamiq_{name}/report", lambda m, n=name: self._on_report(n, m), LATCHED
            )
        self._shutdown = self._node.create_client(Trigger, "pamiq/shutdown")
        self._spinning = SpinThread()
        self._spinning.add(self._node)

    def _on_report(self, name: str, message: Any) -> None:
        report = json.loads(message.data)
        if report["errors"] or report["configuration_error"]:
            print(report["configuration_error"], report["errors"], file=sys.stderr)  # noqa: T201
        self.reports[name] = report

    def state(self, name: str) -> str:
        """A node's life-cycle state."""
        return str(self.reports.get(name, {}).get("state", ""))

    def statistics(self, name: str) -> dict[str, Any]:
        """A node's own part of its report."""
        figures: dict[str, Any] = self.reports[name]["figures"].get(name, {})
        return figures

    def progress(self, after: float = -1.0) -> tuple[float, float] | None:
        """Runs of the trainer that have begun, and the clock when the last of them did.

        None until more than `after` runs are reported.
        """
        metrics = self.statistics("training").get("metrics", {})
        if "runs" not in metrics or metrics["runs"]["newest"] <= after:
            return None
        return metrics["runs"]["newest"], metrics["clock_s"]["newest"]

    def shutdown(self) -> None:
        """Have the control node end all nodes."""
        self._shutdown.call_async(self._shutdown.srv_type.Request())

    def close(self) -> None:
        """Stop listening."""
        self._spinning.close()
        rclpy.try_shutdown()


@contextmanager
def running(
    training: Sequence[str], inference: Sequence[str]
) -> Iterator[tuple[Listener, dict[str, subprocess.Popen[bytes]]]]:
    """The three nodes with the system of `load_system.py`, active; the control node ends them.

    Args:
        training: Parameters of the training node, as `name:=value`.
        inference: Parameters of the inference node.
    """
    join_the_nodes()
    system = f"system:={SYSTEM}"
    processes = {"control": start("control"), "training": start("training", system, *training)}
    listener = Listener()
    try:
        wait_until(lambda: listener.state("training") == "active", "the training node")
        processes["inference"] = start("inference", system, *inference)
        wait_until(lambda: listener.state("inference") == "active", "the inference node")
        yield listener, processes
        listener.shutdown()
        for process in processes.values():
            process.wait(START_S)
    finally:
        listener.close()
        for process in processes.values():
            process.kill()


def wait_until(condition: Callable[[], T | None], what: str) -> T:
    """Wait for a condition and return its value.

    Raises:
        TimeoutError: It is still false after 90 s.
    """
    deadline = time.monotonic() + START_S
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {START_S:g} s in vain for {what}")
        time.sleep(0.05)
    return value
