"""Fixtures for all tests; nothing here needs ROS before a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ros_helpers import Ros


@pytest.fixture
def ros() -> Iterator[Ros]:
    """ROS on a domain of its own; skips where rclpy is not installed."""
    pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
    from ros_helpers import ros_domain

    with ros_domain() as domain:
        yield domain
