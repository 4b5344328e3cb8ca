"""Message classes by the name of their type."""

from __future__ import annotations

import importlib
from typing import Any


def message_class(kind: str) -> Any | None:
    """The class of messages of a type.

    Args:
        kind: Such as `sensor_msgs/msg/Image`.

    Returns:
        None where the package is not installed, or has no such message.
    """
    package, _, name = kind.partition("/msg/")
    try:
        return getattr(importlib.import_module(f"{package}.msg"), name, None)
    except ImportError:
        return None
