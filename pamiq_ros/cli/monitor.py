"""Monitor: hears `pamiq/status` and calls `pamiq/shutdown`, from a thread of this process."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.nodes.parameters import declare
from pamiq_ros.nodes.tables import (
    CONTROL_PARAMETERS,
    INFERENCE_PARAMETERS,
    TRAINING_PARAMETERS,
)

from .status import Status

TABLES = {
    "pamiq_inference": INFERENCE_PARAMETERS,
    "pamiq_training": TRAINING_PARAMETERS,
    "pamiq_control": CONTROL_PARAMETERS,
}

_LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)


class Monitor:
    """The eyes of `pamiq-ros` in the graph, and the one hand it needs there.

    Args:
        namespace: Absolute namespace of the nodes.

    Attributes:
        status: The newest status; None before the first one.
        heard_s: Monotonic time of its arrival in s.
        problem: Why the newest message on the topic could not be read; empty when it could.
    """

    def __init__(self, namespace: str) -> None:
        self.status: Status | None = None
        self.heard_s = 0.0
        self.problem = ""
        self._context = Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = rclpy.create_node(
            f"pamiq_cli_{os.getpid()}",
            context=self._context,
            namespace=namespace,
            enable_rosout=False,
            start_parameter_services=False,
        )
        self._node.create_subscription(String, "pamiq/status", self._on_status, _LATCHED)
        self._shutdown: Client[Any, Any] = self._node.create_client(Trigger, "pamiq/shutdown")
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)
        self._thread = threading.Thread(target=self._spin, name="monitor", daemon=True)
        self._thread.start()

    @property
    def is_shutdown(self) -> bool:
        """Whether the newest status is the one of the end."""
        return self.status is not None and self.status.state == "shutdown"

    def call_shutdown(self) -> bool:
        """Ask the control node to stop the robot and then the nodes; does not wait for it.

        Returns:
            Whether there was a control node to ask.
        """
        if not self._shutdown.service_is_ready():
            return False
        self._shutdown.call_async(Trigger.Request())
        return True

    def close(self) -> None:
        """Leave the graph."""
        self._executor.shutdown(timeout_sec=1.0)
        self._thread.join(1.0)
        self._node.destroy_node()
        rclpy.shutdown(context=self._context)

    def _on_status(self, message: String) -> None:
        try:
            status = Status.parse(message.data)
        except ValueError as error:
            self.problem = f"{self._node.resolve_topic_name('pamiq/status')}: {error}"
            return
        self.heard_s = time.monotonic()
        self.problem = ""
        self.status = status

    def _spin(self) -> None:
        try:
            self._executor.spin()
        except ExternalShutdownException:
            return


def check_params_file(path: Path, namespace: str) -> None:
    """Read a parameter file the way the nodes will, and declare their parameters with it.

    Raises:
        ValueError: It is no ROS parameter file, or has a wrong value; says where.
    """
    context = Context()
    arguments = ["--ros-args", "--disable-stdout-logs", "--params-file", str(path)]
    try:
        rclpy.init(args=arguments, context=context, signal_handler_options=SignalHandlerOptions.NO)
    except Exception as error:  # RCLError lives in a private module of rclpy
        reason = str(error).splitlines()[0].partition("Error: ")[2].partition(", at /")[0]
        raise ValueError(
            f"expected a ROS parameter file, found {path}: {reason or error}"
        ) from error
    try:
        errors = [e for name in TABLES for e in _wrong_values(name, namespace, context)]
    finally:
        rclpy.shutdown(context=context)
    if errors:
        raise ValueError(f"in {path}: {'; '.join(errors)}")


def _wrong_values(name: str, namespace: str, context: Context) -> list[str]:
    node = Node(
        name,
        namespace=namespace,
        context=context,
        start_parameter_services=False,
        enable_rosout=False,
    )
    try:
        return [f"{name}: {error}" for error in declare(node, TABLES[name]).values()]
    finally:
        node.destroy_node()
