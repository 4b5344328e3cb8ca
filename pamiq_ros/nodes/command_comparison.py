"""CommandComparison: the commands of today beside those of the same moment in a bag."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from rclpy.node import Node
from std_msgs.msg import String

from pamiq_ros.compat import message_class
from pamiq_ros.core.devices import AXES
from pamiq_ros.offline.bags import Bag
from pamiq_ros.offline.recorded_commands import RecordedCommands, axis_values, is_velocity
from pamiq_ros.supervision.reporter import LATCHED

TOPIC = "pamiq/comparison"


class CommandComparison:
    """Hears the commands on the topics on which a bag has some.

    Args:
        node: The replay node, with its remappings.
        bag: The bag.
        now_ns: Gives the bag's time now, in ns since 1970.

    Raises:
        BagError: The bag is damaged.
    """

    def __init__(self, node: Node, bag: Bag, now_ns: Callable[[], int]) -> None:
        self._now_ns = now_ns
        self._differences: dict[str, list[list[float]]] = {}
        self._publisher = node.create_publisher(String, TOPIC, LATCHED)
        for topic in bag.topics.values():
            if is_velocity(topic):
                recorded = RecordedCommands(bag, topic.name, AXES)
                name = node.resolve_topic_name(topic.name)
                take = partial(self._take, name, topic.type, recorded)
                kind: Any = message_class(topic.type)
                node.create_subscription(kind, name, take, 1000)

    def publish(self) -> str:
        """Publish what was found as one JSON object, latched; gives its text.

        For each topic: how many `commands` were compared, and for each axis that differed ever the
        `mean` and the `largest` difference, in m/s and rad/s.
        """
        text = json.dumps({name: _summary(rows) for name, rows in self._differences.items()})
        self._publisher.publish(String(data=text))
        return text

    def _take(self, name: str, kind: str, recorded: RecordedCommands, message: Any) -> None:
        if (then := recorded.before(self._now_ns())) is not None:
            now = axis_values(kind, message, AXES)
            row = [abs(ours - theirs) for ours, theirs in zip(now, then, strict=True)]
            self._differences.setdefault(name, []).append(row)


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
