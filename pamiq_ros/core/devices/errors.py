"""What can be wrong with an observation or an action, with the topic's name in the text."""

from __future__ import annotations

import math
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


def check_command(topic: str, values: Sequence[float], names: Sequence[str]) -> list[float]:
    """Check a command before anything of it is published.

    Args:
        topic: The command's topic, for the error.
        values: The command.
        names: What each value is, such as an axis; their number is the expected size.

    Returns:
        The values as plain floats.

    Raises:
        ActionError: Another number of values, or one that is not finite; names the value.
    """
    if len(values) != len(names):
        raise ActionError(topic, f"expected {len(names)} values, found {len(values)}")
    floats = [float(value) for value in values]
    for name, value in zip(names, floats, strict=True):
        if not math.isfinite(value):
            raise ActionError(topic, f"expected a finite {name}, found {value}")
    return floats
