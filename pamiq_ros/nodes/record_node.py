"""record_node: writes what a running graph sends into a bag."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import partial
from typing import Any

from rclpy.node import Node
from rclpy.serialization import deserialize_message
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.compat import message_class
from pamiq_ros.offline.bags import BagError, BagRecorder
from pamiq_ros.supervision.ros_time import steady_timer
from pamiq_ros.transport.payload import PayloadError, decode
from pamiq_ros.transport.slots import (
    DESCRIPTOR_SCHEMA,
    WeightsRequest,
    descriptor_of,
    encode_request,
)

from .bag_qos import to_bag, to_hear
from .topics import WEIGHTS, WEIGHTS_REQUEST, latched

_LARGEST_DESCRIPTOR = 1 << 16


class WeightsAsker:
    """Answers what announces weights in shared memory by a request for them in chunks.

    Args:
        node: Whose publisher it is.
        topic: Full name of a topic of weights.
        period: Least time between two requests, in s.
    """

    def __init__(self, node: Node, topic: str, period: float) -> None:
        name = topic.replace(f"/{WEIGHTS}/", f"/{WEIGHTS_REQUEST}/")
        self._publisher = node.create_publisher(UInt8MultiArray, name, latched(1))
        self._period, self._asked = period, float("-inf")

    def look(self, data: bytes) -> None:
        """Look at a message, in CDR; nothing in it makes this raise."""
        now = time.monotonic()
        if len(data) > _LARGEST_DESCRIPTOR or now - self._asked < self._period:
            return
        content = bytes(deserialize_message(data, UInt8MultiArray).data)
        try:
            payload = decode(content, _LARGEST_DESCRIPTOR)
            if payload.metadata.get("schema") != DESCRIPTOR_SCHEMA:
                return
            slot = descriptor_of(payload, payload.metadata.get("digest", ""))
        except PayloadError:
            return  # who takes weights says what is wrong with it
        self._asked = now
        request = WeightsRequest(slot.digest, slot.source, slot.version, "they are recorded")
        self._publisher.publish(UInt8MultiArray(data=encode_request(request)))


def is_weights(topic: str) -> bool:
    """Whether a topic, by its full name, is one of weights."""
    return f"/{WEIGHTS}/" in topic


_LOOK_S = 0.2


class RecordNode(Node):
    """Subscribes topics as they appear, and records them.

    Attributes:
        recorder: The bag.
        topics: The names of the topics that are recorded.
        failure: Why recording ended by itself; empty while it goes on.
    """

    def __init__(
        self,
        recorder: BagRecorder,
        wanted: Sequence[str],
        left_out: Sequence[str],
        say: Callable[[str], object],
        weights_period: float = 0.0,
        **options: Any,
    ) -> None:
        """Begin to record.

        Args:
            recorder: The bag.
            wanted: Names or patterns (`*`, `?`) of topics, relative to the namespace unless they
                begin with a slash; none for all of them.
            left_out: The same, of topics not to be recorded.
            say: Told a line for each topic when its recording begins, or why it is not recorded.
            weights_period: From weights to weights in s, where they are announced in shared
                memory: they are asked for in chunks; 0: they are not.
            **options: Of `rclpy.node.Node`.
        """
        super().__init__("pamiq_record", enable_rosout=False, **options)
        self.recorder, self.topics, self.failure = recorder, list[str](), ""
        self._wanted = [self._absolute(name) for name in wanted]
        self._left_out = [self._absolute(name) for name in left_out]
        self._say, self._weights_period = say, weights_period
        self._seen: set[str] = set()
        steady_timer(self, _LOOK_S, self._look)

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self.get_namespace().rstrip('/')}/{name}"

    def _is_wanted(self, topic: str) -> bool:
        if any(fnmatchcase(topic, pattern) for pattern in self._left_out):
            return False
        return not self._wanted or any(fnmatchcase(topic, pattern) for pattern in self._wanted)

    def _look(self) -> None:
        for topic, kinds in self.get_topic_names_and_types():
            if topic in self._seen or not self._is_wanted(topic):
                continue
            offered = [p.qos_profile for p in self.get_publishers_info_by_topic(topic)]
            if offered:  # else only subscribed so far
                self._seen.add(topic)
                self._begin(topic, kinds[0], offered)
        self._guarded(self.recorder.flush)

    def _begin(self, topic: str, kind: str, offered: Sequence[Any]) -> None:
        message = message_class(kind)
        if message is None:
            self._say(f"not recorded: {topic}, as {kind} is not installed here")
            return
        try:
            self.recorder.add_topic(topic, kind, [to_bag(profile) for profile in offered])
        except BagError as error:
            self._say(f"not recorded: {error}")
            return
        receive = partial(self._receive, topic)
        if self._weights_period and is_weights(topic):
            receive = partial(self._receive_weights, receive, self._asker(topic))
        self.create_subscription(message, topic, receive, to_hear(offered), raw=True)
        self.topics.append(topic)
        self._say(f"recording {topic} ({kind})")

    def _receive(self, topic: str, data: bytes) -> None:
        now = time.time_ns()
        self._guarded(lambda: self.recorder.write(topic, now, data))

    def _asker(self, topic: str) -> WeightsAsker:
        return WeightsAsker(self, topic, self._weights_period)

    def _receive_weights(
        self, receive: Callable[[bytes], None], asker: WeightsAsker, data: bytes
    ) -> None:
        receive(data)
        asker.look(data)

    def _guarded(self, write: Callable[[], None]) -> None:
        if self.failure:
            return
        try:
            write()
        except OSError as error:
            self.failure = f"{self.recorder.path}: could not be written: {error.strerror}"
