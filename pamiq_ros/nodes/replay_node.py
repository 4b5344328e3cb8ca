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

"""replay_node: publishes a bag's messages and its time on /clock, in real time."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from std_msgs.msg import String

from pamiq_ros.compat import message_class
from pamiq_ros.core.devices import AXES
from pamiq_ros.offline.bags import Bag, BagError, Playback
from pamiq_ros.offline.recorded_commands import RecordedCommands, axis_values, is_velocity
from pamiq_ros.supervision.reporter import LATCHED, STATUS_TOPIC

from .main import destroyed_if_refused, run_unless_refused
from .parameters import declare
from .replay_topics import DISCOVERY_TIMEOUT_S, ReplayTopics
from .tables import REPLAY_PARAMETERS

COMPARISON_TOPIC = "pamiq/comparison"

_WAIT_PERIOD_S = 0.1
_LAST_S = 0.2  # time of the bag after its last message, for the reaction to it


class SystemReady:
    """Subscribes to `pamiq/status` and waits until the system is active.

    Args:
        node: The node that subscribes.

    Attributes:
        active: Whether the nodes are active and have received weights.
    """

    def __init__(self, node: Node) -> None:
        self.active = False
        self._node = node
        self._changed = threading.Event()
        node.create_subscription(String, STATUS_TOPIC, self._on_status, LATCHED)

    def wait(self, meanwhile: Callable[[], object], is_ended: Callable[[], bool]) -> None:
        """Wait until the system is active.

        Args:
            meanwhile: Called ten times per second.
            is_ended: Returns whether to stop waiting.
        """
        self._node.get_logger().info("waiting for the system to be active")
        while not (self.active or is_ended()):
            meanwhile()
            self._changed.wait(_WAIT_PERIOD_S)

    def _on_status(self, message: String) -> None:
        try:
            status = json.loads(message.data)
            inference = status["report"]["inference"]
            weights = [counters["received"] for counters in inference["weights"].values()]
        except (ValueError, KeyError, TypeError, AttributeError):
            return  # not a status, or one without a report
        self.active = status.get("state") == "active" and all(weights)
        if self.active:
            self._changed.set()


class CommandComparison:
    """Compares published velocity commands with the recorded ones of the same time.

    Args:
        node: The replay node, with its remappings.
        bag: The bag.
        now_ns: Returns the bag's current time, in ns since 1970.

    Raises:
        BagError: The bag is damaged.
    """

    def __init__(self, node: Node, bag: Bag, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._differences: dict[str, list[list[float]]] = {}
        self._publisher = node.create_publisher(String, COMPARISON_TOPIC, LATCHED)
        for topic in bag.topics.values():
            if is_velocity(topic):
                recorded = RecordedCommands(bag, topic.name, AXES)
                name = node.resolve_topic_name(topic.name)
                take = partial(self._take, name, topic.type, recorded)
                kind: Any = message_class(topic.type)
                node.create_subscription(kind, name, take, 1000)

    def publish(self) -> str:
        """Publish the differences as a latched JSON object; return its text.

        It has the number of compared `commands` per topic, and the `mean` and `largest` difference
        of each axis with a difference, in m/s and rad/s.
        """
        text = json.dumps({name: _summary(rows) for name, rows in self._differences.items()})
        self._publisher.publish(String(data=text))
        return text

    def wait_for_subscriber(self, is_ended: Callable[[], bool]) -> None:
        """Wait up to five seconds for a subscriber: a latched message ends with its publisher."""
        deadline = time.monotonic() + DISCOVERY_TIMEOUT_S
        while not (self._publisher.get_subscription_count() or is_ended()):
            if time.monotonic() > deadline:
                return
            time.sleep(0.01)

    def _take(self, name: str, kind: str, recorded: RecordedCommands, message: Any) -> None:
        if (then := recorded.before(self._now_ns())) is not None:
            now = axis_values(kind, message, AXES)
            row = [abs(ours - theirs) for ours, theirs in zip(now, then, strict=True)]
            self._differences.setdefault(name, []).append(row)


class ReplayNode(Node):
    """Publishes recorded messages when they are due.

    Attributes:
        finished: Whether the process should end.
        exit_status: Exit status of the process; 2 for a bag that cannot be used.
    """

    exit_status = 1

    def __init__(self) -> None:
        """Open the bag and start a thread that replays it.

        Raises:
            BagError: A parameter or the bag cannot be used.
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
        """Stop replaying and close the bag; safe to call twice."""
        if not self.finished:  # stopped by request, which is not a failure
            self._ended.set()
            self._thread.join(1.0)
            self.exit_status = 0
        self._bag.close()

    def _value(self, name: str) -> Any:
        return self.get_parameter(name).value

    def _run(self) -> None:
        try:
            if self._value("wait_for_system"):
                self._ready.wait(
                    lambda: self._publish_time(self._playback.start_ns), self._ended.is_set
                )
            topics = self._advertise()
            began = time.monotonic()
            self._play(topics)
            took_s = time.monotonic() - began
            self.get_logger().info(
                f"replayed {sum(topics.counts.values())} messages in {took_s:.1f} s"
            )
            if self._comparison is not None:
                self.get_logger().info(f"commands compared: {self._comparison.publish()}")
                self._comparison.wait_for_subscriber(self._ended.is_set)
            self.exit_status = 0
        except BagError as error:
            self.get_logger().fatal(str(error))
            self.exit_status = 2
        finally:
            self.finished = True

    def _advertise(self) -> ReplayTopics:
        chosen = [name for name in self._value("topics") if name]
        topics = ReplayTopics(self, self._bag, chosen)
        is_there = self._value("wait_for_system")
        topics.require_observed(self._value("inference_node"), is_there, self._ended.is_set)
        names = ", ".join(topics.names) or "nothing"
        self.get_logger().info(f"replaying {self._playback.seconds:.1f} s: {names}")
        return topics

    def _play(self, topics: ReplayTopics) -> None:
        began = time.monotonic()
        for due_s, message in self._playback.due(topics.names):
            if not self._wait(began, due_s):
                return
            topics.publish(message)
        self._wait(began, self._playback.seconds + _LAST_S / self._value("rate"))

    def _wait(self, began: float, due_s: float) -> bool:
        """Wait until a time of the bag while publishing the clock; return False to stop."""
        period = 1.0 / self._value("clock_rate")
        while (left := began + due_s - time.monotonic()) > 0.0:
            if self._ended.wait(min(left, period)):
                return False
            self._publish_time(self._playback.time_ns(time.monotonic() - began))
        return not self._ended.is_set()

    def _publish_time(self, time_ns: int) -> None:
        self._now_ns = time_ns
        now = Clock()
        now.clock.sec, now.clock.nanosec = divmod(time_ns, 1_000_000_000)
        self._time.publish(now)


def _summary(rows: list[list[float]]) -> dict[str, Any]:
    columns = dict(zip(AXES, zip(*rows, strict=True), strict=True))
    return {
        "commands": len(rows),
        **{
            axis: {"mean": sum(column) / len(column), "largest": max(column)}
            for axis, column in columns.items()
            if any(column)
        },
    }


def main() -> None:
    """Entry point of the executable; exit status 2 for a bag that cannot be used."""
    sys.exit(run_unless_refused(ReplayNode, BagError, "pamiq_replay"))


if __name__ == "__main__":
    main()
