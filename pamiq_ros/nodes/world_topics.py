"""WorldTopics: what a world shows, as messages."""

from __future__ import annotations

import array
import json
import math
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import Image
from std_msgs.msg import Float32, Float32MultiArray, MultiArrayDimension, String

from pamiq_ros.core.devices.image_conversion import fill_image
from pamiq_ros.worlds import Episode, Outcome

SENSOR_QOS = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
EVENT_QOS = QoSProfile(depth=10, reliability=ReliabilityPolicy.RELIABLE)
IN_STEPS_QOS = QoSProfile(depth=1000, reliability=ReliabilityPolicy.RELIABLE)
OUTCOME = ("episode", "return", "ended", "last_return", "last_ended")
"""The numbers of the topic `outcome`. `ended` is 0 in an episode, 1 at its end if it was terminated
and 2 if it was truncated; `last_*` is the same of the episode before."""


class WorldTopics:
    """Publishers of observation, reward, outcome and ended episodes.

    Args:
        node: Whose publishers these are.
        encoding: Of the pictures; empty if observations are vectors.
        frame_id: Frame of the pictures.
        in_steps: Whether no message may be lost.
    """

    def __init__(self, node: Node, encoding: str, frame_id: str, in_steps: bool) -> None:
        self._encoding, self._frame_id, self._last = encoding, frame_id, (0.0, 0)
        sensor, event = (IN_STEPS_QOS,) * 2 if in_steps else (SENSOR_QOS, EVENT_QOS)
        name, kind = ("camera/image_raw", Image) if encoding else ("observation", Float32MultiArray)
        self._observation = _publisher(node, kind, name, sensor)
        self._reward = _publisher(node, Float32, "reward", event)
        self._outcome = _publisher(node, Float32MultiArray, "outcome", event)
        self._episode = _publisher(node, String, "episode", event)

    def publish(self, outcome: Outcome, stamp: Any) -> Sequence[str]:
        """Publish what a step gave.

        Args:
            outcome: What it gave.
            stamp: Its time, a builtin_interfaces/Time.

        Returns:
            Full names of the topics that were published on.
        """
        self._observation.publish(self._message(outcome.observation, stamp))
        self._reward.publish(Float32(data=outcome.reward))
        self._outcome.publish(_array([outcome.episode, outcome.total, _end(outcome), *self._last]))
        publishers = [self._observation, self._reward, self._outcome]
        if outcome.ended is not None:
            self._last = (outcome.total, _end(outcome))
            self._episode.publish(String(data=episode_json(outcome.ended)))
            publishers.append(self._episode)
        return [publisher.topic_name for publisher in publishers]

    def _message(self, observation: npt.NDArray[Any], stamp: Any) -> Image | Float32MultiArray:
        if not self._encoding:
            return _array(observation.tolist(), "observation")
        picture = Image()
        picture.header.stamp = stamp
        picture.header.frame_id = self._frame_id
        fill_image(picture, observation, self._encoding)
        return picture


def _end(outcome: Outcome) -> int:
    if outcome.ended is None:
        return 0
    return 1 if outcome.ended.terminated else 2


def _array(values: Sequence[float], label: str = "outcome") -> Float32MultiArray:
    message = Float32MultiArray(data=array.array("f", values))
    size = len(values)
    message.layout.dim = [MultiArrayDimension(label=label, size=size, stride=size)]
    return message


def _publisher(node: Node, kind: Any, topic: str, qos: QoSProfile) -> Publisher[Any]:
    overriding = QoSOverridingOptions.with_default_policies()
    return node.create_publisher(kind, topic, qos, qos_overriding_options=overriding)


def episode_json(ended: Episode) -> str:
    """An ended episode as the JSON object that is published."""
    content = {
        "episode": ended.episode,
        "steps": ended.steps,
        "return": ended.total if math.isfinite(ended.total) else None,
        "terminated": ended.terminated,
        "truncated": ended.truncated,
    }
    return json.dumps(content, allow_nan=False)
