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

"""Errors of devices, and checks of what a user gives to their constructors."""

from __future__ import annotations

import re
from collections.abc import Sequence


class _TopicError(Exception):
    """Something is wrong on a topic.

    Attributes:
        topic: Name of the topic.
        reason: What was expected and what was found.
    """

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(topic, reason)
        self.topic = topic
        self.reason = reason

    def __str__(self) -> str:
        return f"topic '{self.topic}': {self.reason}"


class ObservationError(_TopicError):
    """A topic's newest message can't be made an observation, or there is none."""


class ActionError(_TopicError):
    """An action that must not be published: not finite, or of the wrong size."""


_TOPIC = re.compile(r"(~/|/)?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*")
_LARGEST = 1 << 24


def check_topic(device: object, topic: object) -> None:
    """Refuse what is not a ROS topic name.

    Raises:
        ValueError: Says what was found.
    """
    if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
        raise ValueError(
            f"{type(device).__name__}: topic: expected a ROS name such as 'camera/image_raw', "
            f"found {topic!r}"
        )


def check_size(device: object, name: str, value: object, largest: int = _LARGEST) -> None:
    """Refuse what is not a whole number from 1 to `largest`.

    Raises:
        ValueError: Says what was found.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise ValueError(
            f"{type(device).__name__}: {name}: expected an integer from 1 to {largest}, "
            f"found {value!r}"
        )


def check_names(
    device: object, name: str, value: object, allowed: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Refuse what is not a sequence of different names, or has one that is not allowed.

    Returns:
        The names as a tuple.

    Raises:
        ValueError: Says what was found.
    """
    where = f"{type(device).__name__}: {name}"
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise ValueError(f"{where}: expected a sequence of one name or more, found {value!r}")
    for item in value:
        if not isinstance(item, str) or not item or (allowed is not None and item not in allowed):
            expected = "a non-empty string" if allowed is None else f"one of {', '.join(allowed)}"
            raise ValueError(f"{where}: expected {expected}, found {item!r}")
    if len(set(value)) != len(value):
        raise ValueError(f"{where}: expected every name once, found {tuple(value)!r}")
    return tuple(value)
