"""WeightsAsker: has a learner send its weights in chunks, so that they can be recorded."""

from __future__ import annotations

import time

from rclpy.node import Node
from rclpy.serialization import deserialize_message
from std_msgs.msg import UInt8MultiArray

from pamiq_ros.transport.header import PayloadError
from pamiq_ros.transport.payload import decode
from pamiq_ros.transport.slots import (
    DESCRIPTOR_SCHEMA,
    WeightsRequest,
    descriptor_of,
    encode_request,
)

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
