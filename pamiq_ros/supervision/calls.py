"""Service calls that wait in a thread of their own, no longer than who answers lives."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from lifecycle_msgs.srv import GetState
from rclpy.client import Client

_LOOK_S = 0.5
_GET_STATE_S = 1.0


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


def state_of(get_state: Client[Any, Any]) -> str | None:
    """The life-cycle state that a node says it is in.

    Args:
        get_state: Client of its `get_state`.

    Returns:
        The state's label; None when there is no answer within a second.
    """
    answer = call(get_state, GetState.Request(), _GET_STATE_S)
    return None if answer is None else str(answer.current_state.label)


class Unmoved:
    """Whether a life-cycle node never got the request for a transition.

    A node that has just started may answer one service before the middleware has the other one
    connected; a request to that is lost. One that is at a transition answers nothing meanwhile.

    Args:
        get_state: Client of its `get_state`.
        state: The state it was in.

    Attributes:
        unmoved: Whether it twice said that it is still in that state.
    """

    def __init__(self, get_state: Client[Any, Any], state: str) -> None:
        self.unmoved = False
        self._get_state, self._state = get_state, state
        self._times = 0

    def under_way(self) -> bool:
        """Whether the transition may still be under way; asks the node."""
        self._times = self._times + 1 if state_of(self._get_state) == self._state else 0
        self.unmoved = self._times >= 2
        return not self.unmoved
