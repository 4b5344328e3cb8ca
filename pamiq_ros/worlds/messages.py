"""WorldMessages: what a world shows, as the messages of its topics; needs no ROS."""

from __future__ import annotations

import array
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pamiq_ros.pixels import fill_image

from .gym_world import Episode, Outcome

OUTCOME = ("episode", "return", "ended", "last_return", "last_ended")
"""The numbers of the topic `outcome`. `ended` is 0 in an episode, 1 at its end if it was terminated
and 2 if it was truncated; `last_*` is the same of the episode before."""

IMAGE = "sensor_msgs/msg/Image"
FLOATS = "std_msgs/msg/Float32MultiArray"


class WorldMessages:
    """The topics of a world, and their messages after each step.

    Args:
        encoding: Of the pictures; empty if observations are vectors.

    Attributes:
        types: Message type of each topic by its relative name; the first is the observation's.
    """

    def __init__(self, encoding: str) -> None:
        self._encoding, self._last = encoding, (0.0, 0)
        observed = {"camera/image_raw": IMAGE} if encoding else {"observation": FLOATS}
        self.types = {
            **observed,
            "reward": "std_msgs/msg/Float32",
            "outcome": FLOATS,
            "episode": "std_msgs/msg/String",
        }

    def after(self, outcome: Outcome) -> Mapping[str, Callable[[Any], None]]:
        """What a step shows: for each topic a function that fills a message of its type.

        Headers and layouts are not filled. `episode` is there at the end of an episode alone.

        Args:
            outcome: What the step gave; each step once, in order.
        """
        values = [outcome.episode, outcome.total, _end(outcome), *self._last]
        shown: dict[str, Callable[[Any], None]] = {
            next(iter(self.types)): lambda message: self._observe(message, outcome),
            "reward": lambda message: setattr(message, "data", outcome.reward),
            "outcome": lambda message: set_floats(message, values),
        }
        if (ended := outcome.ended) is not None:
            self._last = (outcome.total, _end(outcome))
            shown["episode"] = lambda message: setattr(message, "data", episode_json(ended))
        return shown

    def _observe(self, message: Any, outcome: Outcome) -> None:
        if self._encoding:
            fill_image(message, outcome.observation, self._encoding)
        else:
            set_floats(message, outcome.observation.tolist())


def set_floats(message: Any, values: Sequence[float]) -> None:
    """Put numbers into a Float32MultiArray; those that float32 can't hold are rounded."""
    message.data = array.array("f", values)


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


def _end(outcome: Outcome) -> int:
    if outcome.ended is None:
        return 0
    return 1 if outcome.ended.terminated else 2
