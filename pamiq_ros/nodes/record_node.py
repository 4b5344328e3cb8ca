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

"""record_node: records the topics of a running system into a bag."""

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
from pamiq_ros.transport.weights import (
    DESCRIPTOR_SCHEMA,
    Request,
    descriptor_of,
    encode_request,
)

from .bag_qos import for_recording, to_bag
from .topics import WEIGHTS, WEIGHTS_REQUEST, latched

_LARGEST_DESCRIPTOR = 1 << 16


class WeightsRequester:
    """Requests weights in chunks when it receives the descriptor of weights in shared memory.

    Args:
        node: The node that publishes the requests.
        topic: Full name of a weights topic.
        period: Minimum time between two requests, in s.
    """

    def __init__(self, node: Node, topic: str, period: float) -> None:
        name = topic.replace(f"/{WEIGHTS}/", f"/{WEIGHTS_REQUEST}/")
        self._publisher = node.create_publisher(UInt8MultiArray, name, latched(1))
        self._period, self._requested_at = period, float("-inf")

    def receive(self, data: bytes) -> None:
        """Request weights if a message, in CDR, describes some. Wrong content is ignored."""
        now = time.monotonic()
        if len(data) > _LARGEST_DESCRIPTOR or now - self._requested_at < self._period:
            return
        content = bytes(deserialize_message(data, UInt8MultiArray).data)
        try:
            payload = decode(content, _LARGEST_DESCRIPTOR)
            if payload.metadata.get("schema") != DESCRIPTOR_SCHEMA:
                return
            where = descriptor_of(payload, payload.metadata.get("digest", ""))
        except PayloadError:
            return  # the inference node reports the error
        self._requested_at = now
        request = Request(where.digest, where.source, where.version, "they are recorded")
        self._publisher.publish(UInt8MultiArray(data=encode_request(request)))


def is_weights(topic: str) -> bool:
    """Return whether a topic, by its full name, is a weights topic."""
    return f"/{WEIGHTS}/" in topic


_DISCOVERY_PERIOD_S = 0.2


class RecordNode(Node):
    """Subscribes to topics as they appear and records them.

    Attributes:
        recorder: The bag.
        topics: Names of the recorded topics.
        failure: Why recording failed; empty while it continues.
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
                begin with a slash. Empty: all topics.
            left_out: Names or patterns of topics to leave out.
            say: Called with a line per topic: its recording has begun, or why it is not recorded.
            weights_period: Minimum time between two requests, in s, for weights in chunks instead
                of their descriptors; 0: no requests.
            **options: Options of `rclpy.node.Node`.
        """
        super().__init__("pamiq_record", enable_rosout=False, **options)
        self.recorder, self.topics, self.failure = recorder, list[str](), ""
        self._wanted = [self._absolute(name) for name in wanted]
        self._left_out = [self._absolute(name) for name in left_out]
        self._say, self._weights_period = say, weights_period
        self._seen: set[str] = set()
        steady_timer(self, _DISCOVERY_PERIOD_S, self._discover)

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self.get_namespace().rstrip('/')}/{name}"

    def _is_wanted(self, topic: str) -> bool:
        if any(fnmatchcase(topic, pattern) for pattern in self._left_out):
            return False
        return not self._wanted or any(fnmatchcase(topic, pattern) for pattern in self._wanted)

    def _discover(self) -> None:
        for topic, kinds in self.get_topic_names_and_types():
            if topic in self._seen or not self._is_wanted(topic):
                continue
            offered = [p.qos_profile for p in self.get_publishers_info_by_topic(topic)]
            if offered:  # else it has only subscriptions so far
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
            requester = WeightsRequester(self, topic, self._weights_period)
            receive = partial(self._receive_weights, receive, requester)
        self.create_subscription(message, topic, receive, for_recording(offered), raw=True)
        self.topics.append(topic)
        self._say(f"recording {topic} ({kind})")

    def _receive(self, topic: str, data: bytes) -> None:
        now = time.time_ns()
        self._guarded(lambda: self.recorder.write(topic, now, data))

    def _receive_weights(
        self, receive: Callable[[bytes], None], requester: WeightsRequester, data: bytes
    ) -> None:
        receive(data)
        requester.receive(data)

    def _guarded(self, write: Callable[[], None]) -> None:
        if self.failure:
            return
        try:
            write()
        except OSError as error:
            self.failure = f"{self.recorder.path}: could not be written: {error.strerror}"
