"""replay_node: a bag's messages on their topics and its time on /clock, as if it were today."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from pamiq_ros.offline.bags import Bag, BagError, Playback
from pamiq_ros.supervision.reporter import LATCHED, STATUS_TOPIC

from .command_comparison import CommandComparison
from .main import destroyed_if_refused, run_unless_refused
from .parameters import declare
from .replay_topics import ReplayTopics
from .tables import REPLAY_PARAMETERS

_WAIT_PERIOD_S = 0.1


class SystemReady:
    """Listens to `pamiq/status`.

    Args:
        node: Whose subscription it is.

    Attributes:
        active: Whether the nodes are active now and have their weights.
    """

    def __init__(self, node: Node) -> None:
        self.active = False
        self._node = node
        self._changed = threading.Event()
        node.create_subscription(String, STATUS_TOPIC, self._on_status, LATCHED)

    def wait(self, meanwhile: Callable[[], object], is_ended: Callable[[], bool]) -> None:
        """Wait until the system is active.

        Args:
            meanwhile: Called ten times a second.
            is_ended: Whether not to wait any more.
        """
        self._node.get_logger().info("waiting for the system to be active")
        while not (self.active or is_ended()):
            meanwhile()
            self._changed.wait(_WAIT_PERIOD_S)

    def _on_status(self, message: String) -> None:
        try:
            status = json.loads(message.data)
            inference = status["report"]["inference"]
            weights = [figures["received"] for figures in inference["weights"].values()]
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # no status, or none yet with figures
        self.active = status.get("state") == "active" and all(weights)
        if self.active:
            self._changed.set()


LAST_S = 0.2  # of the bag: the last message is still to be acted on


class ReplayNode(Node):
    """Publishes what was recorded, when it is due.

    Attributes:
        finished: Whether the process should end.
        exit_status: What the process ends with; 2 for a bag that can't be used.
    """

    exit_status = 1

    def __init__(self) -> None:
        """Open the bag, and begin to replay it in a thread.

        Raises:
            BagError: A parameter or the bag can't be used.
        """
        super().__init__("pamiq_replay")
        self.finished = False
        with destroyed_if_refused(self):
            self._open()

    def _open(self) -> None:
        if errors := declare(self, REPLAY_PARAMETERS):
            raise BagError("; ".join(errors.values()))
        self._bag = Bag(Path(self._value("bag")))
        for warning in self._bag.warnings:
            self.get_logger().warning(warning)
        self._playback = Playback(
            self._bag, *(self._value(name) for name in ("rate", "start", "end", "loop"))
        )
        self._time = self.create_publisher(Clock, "/clock", 10)
        self._now_ns = self._playback.start_ns
        self._comparison: CommandComparison | None = None
        if self._value("compare"):
            self._comparison = CommandComparison(self, self._bag, lambda: self._now_ns)
        self._ready = SystemReady(self)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="replay", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End replaying and close the bag; safe to call twice."""
        if not self.finished:  # asked to end, which is no failure
            self._ended.set()
            self._thread.join(1.0)
            self.exit_status = 0
        self._bag.close()

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _run(self) -> None:
        try:
            if self._value("wait_for_system"):
                self._ready.wait(lambda: self._tell(self._playback.start_ns), self._ended.is_set)
            topics = self._advertise()
            began = time.monotonic()
            self._play(topics)
            took_s = time.monotonic() - began
            self.get_logger().info(
                f"replayed {sum(topics.counts.values())} messages in {took_s:.1f} s"
            )
            if self._comparison is not None:
                self.get_logger().info(f"commands compared: {self._comparison.publish()}")
            self.exit_status = 0
        except BagError as error:
            self.get_logger().fatal(str(error))
            self.exit_status = 2
        finally:
            self.finished = True

    def _advertise(self) -> ReplayTopics:
        chosen = [name for name in self._value("topics") if name]
        topics = ReplayTopics(self, self._bag, chosen)
        topics.require_observed(self._value("inference_node"), self._ended.is_set)
        names = ", ".join(topics.names) or "nothing"
        self.get_logger().info(f"replaying {self._playback.seconds:.1f} s: {names}")
        return topics

    def _play(self, topics: ReplayTopics) -> None:
        began = time.monotonic()
        for due_s, message in self._playback.due(topics.names):
            if not self._wait(began, due_s):
                return
            topics.publish(message)
        self._wait(began, self._playback.seconds + LAST_S / self._value("rate"))

    def _wait(self, began: float, due_s: float) -> bool:
        """Wait until it is time, with the clock going on; False to end."""
        period = 1.0 / self._value("clock_rate")
        while (left := began + due_s - time.monotonic()) > 0.0:
            if self._ended.wait(min(left, period)):
                return False
            self._tell(self._playback.time_ns(time.monotonic() - began))
        return not self._ended.is_set()

    def _tell(self, time_ns: int) -> None:
        self._now_ns = time_ns
        now = Clock()
        now.clock.sec, now.clock.nanosec = divmod(time_ns, 1_000_000_000)
        self._time.publish(now)


def main() -> None:
    """Entry point of the executable; exit status 2 for a bag that can't be used."""
    sys.exit(run_unless_refused(ReplayNode, BagError, "pamiq_replay"))


if __name__ == "__main__":
    main()
