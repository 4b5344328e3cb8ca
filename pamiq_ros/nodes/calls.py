"""Service calls that wait in a thread of their own, no longer than who answers lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from rclpy.client import Client

_LOOK_S = 0.5


def call(
    client: Client[Any, Any],
    request: Any,
    timeout: float,
    lives: Callable[[], bool] = lambda: True,
) -> Any:
    """Call a service; not from the executor's only thread.

    Args:
        client: Of the service.
        request: What is asked.
        timeout: Longest to wait, in s.
        lives: Whether who was asked is still there; looked at twice a second.

    Returns:
        The answer; None when there is none.
    """
    done = threading.Event()
    future = client.call_async(request)
    future.add_done_callback(lambda _: done.set())
    deadline = time.monotonic() + timeout
    while not done.wait(min(_LOOK_S, max(0.0, deadline - time.monotonic()))):
        if time.monotonic() >= deadline or not lives():
            client.remove_pending_request(future)
            return None
    return future.result()
