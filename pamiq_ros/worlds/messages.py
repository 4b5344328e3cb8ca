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

"""WorldMessages: fills the messages of a world's topics, without ROS."""

from __future__ import annotations

import array
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pamiq_ros.pixels import fill_image

from .gym_world import Episode, Outcome

OUTCOME = ("episode", "return", "ended", "last_return", "last_ended")
"""The numbers of the topic `outcome`. `ended` is 1 at the end of a terminated episode, 2 at the end
of a truncated one, else 0. `last_*` are those of the previous episode."""

IMAGE = "sensor_msgs/msg/Image"
FLOATS = "std_msgs/msg/Float32MultiArray"


class WorldMessages:
    """The topics of a world and their messages.

    Args:
        encoding: Encoding of the images; empty if observations are vectors.

    Attributes:
        types: Message type of each topic, by relative name; the first is the observation.
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
        """Return for each topic with a message a function that fills one of its type.

        Headers and layouts are not filled. `episode` has a message only at the end of an episode.

        Args:
            outcome: The result of a step. Call this once for each step, in order.
        """
        values = [outcome.episode, outcome.total, _end(outcome), *self._last]
        fills: dict[str, Callable[[Any], None]] = {
            next(iter(self.types)): lambda message: self._observe(message, outcome),
            "reward": lambda message: setattr(message, "data", outcome.reward),
            "outcome": lambda message: set_floats(message, values),
        }
        if (ended := outcome.ended) is not None:
            self._last = (outcome.total, _end(outcome))
            fills["episode"] = lambda message: setattr(message, "data", episode_json(ended))
        return fills

    def _observe(self, message: Any, outcome: Outcome) -> None:
        if self._encoding:
            fill_image(message, outcome.observation, self._encoding)
        else:
            set_floats(message, outcome.observation.tolist())


def set_floats(message: Any, values: Sequence[float]) -> None:
    """Set the numbers of a Float32MultiArray, rounded to float32."""
    message.data = array.array("f", values)


def episode_json(ended: Episode) -> str:
    """Return a finished episode as the JSON object that is published."""
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
