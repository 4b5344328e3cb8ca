"""Monitor: hears `pamiq/status` and calls `pamiq/shutdown`, from a thread of this process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from pamiq_ros.nodes.ending import leaving
from pamiq_ros.nodes.spin_thread import SpinThread

from .status import LARGEST_CHARACTERS, Status

_LATCHED = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)

_STANDS_IN = ("inactive", "finalized")


class Monitor:
    """The eyes of `pamiq-ros` in the graph, and the one hand it needs there.

    Args:
        namespace: Absolute namespace of the nodes.
        is_replay: Whether a bag is replayed.
        is_ours: Whether a status counts; those of other systems' control nodes come too.

    Attributes:
        status: The newest status; None before the first one.
        heard_s: Monotonic time of its arrival in s.
        comparison: What a replay has found of the commands, JSON; empty before that.
        problem: Why the newest message on the topic could not be read; empty when it could.
    """

    def __init__(
        self,
        namespace: str,
        is_replay: bool = False,
        is_ours: Callable[[Status], bool] = lambda _: True,
    ) -> None:
        self.status: Status | None = None
        self.heard_s = 0.0
        self.comparison = ""
        self.problem = ""
        self._is_ours = is_ours
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
        if is_replay:
            topic = "pamiq/comparison"
            self._node.create_subscription(String, topic, self._on_comparison, _LATCHED)
        self._shutdown: Client[Any, Any] = self._node.create_client(Trigger, "pamiq/shutdown")
        self._spinning = SpinThread(self._context)
        self._spinning.add(self._node)

    @property
    def is_shutdown(self) -> bool:
        """Whether the newest status is the one of the end."""
        return self.status is not None and self.status.state == "shutdown"

    @property
    def has_stopped_robot(self) -> bool:
        """Whether, by the newest status, the inference node does not act any more."""
        if self.status is None:
            return False
        return self.status.text("nodes", "pamiq_inference", "state") in _STANDS_IN

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
        with leaving():
            self._spinning.close()
            rclpy.shutdown(context=self._context)

    def _on_status(self, message: String) -> None:
        try:
            status = Status.parse(message.data)
        except ValueError as error:
            self.problem = f"{self._node.resolve_topic_name('pamiq/status')}: {error}"
            return
        if not self._is_ours(status):
            return
        self.heard_s = time.monotonic()
        self.problem = ""
        self.status = status

    def _on_comparison(self, message: String) -> None:
        self.comparison = message.data[:LARGEST_CHARACTERS]
