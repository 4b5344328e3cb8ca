"""Running a node as a process: signals, spinning, and an end that stops the robot first."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Protocol

import rclpy
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.logging import get_logger
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from pamiq_ros.supervision.exit_policy import BAD_CONFIGURATION

from .ending import must_end
from .memory import keep_freed_memory

PARENT_VARIABLE = "PAMIQ_ROS_DIE_WITH_PARENT"
_PR_SET_PDEATHSIG = 1
# A signal wakes the executor up; else it looks this often whether the node is finished. Every look
# costs a millisecond of the interpreter.
_LOOK_S = 0.25
_LAST_WORDS_S = 0.3
_KNOWN_S = 0.5
_LAST_MESSAGES_S = 0.05


class Runnable(Protocol):
    """A node that can be run as a process."""

    finished: bool
    exit_status: int

    def stop(self) -> None:
        """Stop and let go of everything; safe to call twice."""


def run(make_node: Callable[[], Node], executor_threads: int = 1) -> int:
    """Run one node until its lifecycle ends or SIGINT or SIGTERM comes.

    Args:
        make_node: Makes the node, which must also be Runnable; called after rclpy.init.
        executor_threads: More than one makes a multi-threaded executor.

    Returns:
        The process's exit status: the node's.
    """
    _die_with_parent()
    keep_freed_memory()
    # No Event: a signal that came while the one before is handled would wait for its lock for good.
    # SIGTERM comes many times at once when a parent with several threads dies.
    signals: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: signals.append(number))
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make_node()
    except BaseException:
        must_end()
        rclpy.try_shutdown()
        raise
    executor = _executor(node, executor_threads)
    executor.add_node(node)
    _wake_at_signals(executor)
    try:
        _spin(executor, node, signals)
    finally:
        # Python's default answer to a further one, while it ends, would be to die of it.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        node.stop()  # type: ignore[attr-defined]
        must_end()
        executor.shutdown(timeout_sec=1.0)
        node.destroy_node()
        rclpy.try_shutdown()
    return node.exit_status  # type: ignore[attr-defined, no-any-return]


def _executor(node: Node, threads: int) -> rclpy.executors.Executor:
    if threads > 1:
        return rclpy.executors.MultiThreadedExecutor(threads)
    return SingleThreadedExecutor()


def run_unless_refused(
    make_node: Callable[[], Node],
    refused: type[Exception],
    name: str,
    executor_threads: int = 1,
) -> int:
    """Run one node; what it can't be made of is one line in the log.

    Args:
        make_node: As of `run`.
        refused: What `make_node` raises then.
        name: Of the logger.
        executor_threads: As of `run`.

    Returns:
        The process's exit status; 2 if it was refused.
    """
    try:
        return run(make_node, executor_threads)
    except refused as error:
        text = str(error)
    get_logger(name).fatal(text)
    return BAD_CONFIGURATION


@contextlib.contextmanager
def destroyed_if_refused(node: Node) -> Iterator[None]:
    """Destroy a node that is being made, if that fails.

    DDS has threads: left to the interpreter's end they can keep it from ending, or crash it. So can
    taking it apart while it is still making itself known, beside others who do the same.
    """
    try:
        yield
    except BaseException:
        must_end()
        time.sleep(_KNOWN_S)
        node.destroy_node()
        raise


def _spin(executor: rclpy.executors.Executor, node: Node, signals: list[int]) -> None:
    with contextlib.suppress(ExternalShutdownException):
        while not signals and not node.finished:  # type: ignore[attr-defined]
            _spin_once(executor, node, _LOOK_S)
        node.stop()  # type: ignore[attr-defined]
        # The answer to the call that ended it and the last messages are still on their way out.
        asked = node.finished  # type: ignore[attr-defined]
        deadline = time.monotonic() + (_LAST_WORDS_S if asked else _LAST_MESSAGES_S)
        while time.monotonic() < deadline:
            _spin_once(executor, node, 0.05)


def _spin_once(executor: rclpy.executors.Executor, node: Node, timeout_s: float) -> None:
    try:
        executor.spin_once(timeout_sec=timeout_s)
    except InvalidHandle as error:
        # Another thread may destroy a publisher in the moment in which the executor begins to wait
        # for it, and rclpy raises that here.
        node.get_logger().warning(f"the executor goes on after: {error}")


def _wake_at_signals(executor: rclpy.executors.Executor) -> None:
    # Python calls its signal handlers only once the main thread is back from waiting for messages.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def pass_on() -> None:
        while os.read(woken, 64):
            with contextlib.suppress(InvalidHandle):  # it is shutting down already
                executor.wake()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()


def _die_with_parent() -> None:
    # A supervisor that is killed can't stop its children; Linux can (prctl(2), PR_SET_PDEATHSIG).
    parent = os.environ.get(PARENT_VARIABLE)
    if parent and sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != int(parent):
            os.kill(os.getpid(), signal.SIGTERM)
