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

"""Runs a node as a process: signals, spinning, and an end that stops the robot first."""

from __future__ import annotations

import contextlib
import os
import signal
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

from .process import die_with_parent, keep_freed_memory, must_end

# Signals wake the executor. Otherwise it checks at this interval whether the node is finished; each
# check takes a millisecond of the interpreter.
_CHECK_PERIOD_S = 0.25
_LAST_ANSWER_S = 0.3
_LAST_MESSAGES_S = 0.05
_DISCOVERY_S = 0.5


class Runnable(Protocol):
    """A node that can be run as a process."""

    finished: bool
    exit_status: int

    def stop(self) -> None:
        """Stop and release everything; safe to call twice."""


def run(make_node: Callable[[], Node], executor_threads: int = 1) -> int:
    """Run one node until it is finished, or until SIGINT or SIGTERM.

    Args:
        make_node: Creates the node, which must also be Runnable. Called after rclpy.init.
        executor_threads: More than one makes a multi-threaded executor.

    Returns:
        The exit status of the node.
    """
    die_with_parent()
    keep_freed_memory()
    # No Event: a signal during the handler of another would wait for the event's lock for ever.
    # A node gets SIGTERM many times at once when a parent with several threads dies.
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
        # By default, another signal would now kill the process before the robot has stopped.
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
    """Run one node, as `run`. If it refuses its parameters, log one line.

    Args:
        make_node: Creates the node.
        refused: Exception that `make_node` raises for wrong parameters.
        name: Name of the logger.
        executor_threads: More than one makes a multi-threaded executor.

    Returns:
        The exit status of the node; 2 if it refused its parameters.
    """
    try:
        return run(make_node, executor_threads)
    except refused as error:
        text = str(error)
    get_logger(name).fatal(text)
    return BAD_CONFIGURATION


@contextlib.contextmanager
def destroyed_if_refused(node: Node) -> Iterator[None]:
    """Destroy a node whose creation fails.

    If the interpreter ends while threads of DDS still run, the process can hang or crash. The same
    can happen if a node is destroyed while discovery is under way, so this waits before.
    """
    try:
        yield
    except BaseException:
        must_end()
        time.sleep(_DISCOVERY_S)
        node.destroy_node()
        raise


def _spin(executor: rclpy.executors.Executor, node: Node, signals: list[int]) -> None:
    with contextlib.suppress(ExternalShutdownException):
        while not signals and not node.finished:  # type: ignore[attr-defined]
            _spin_once(executor, node, _CHECK_PERIOD_S)
        node.stop()  # type: ignore[attr-defined]
        # Send the response to the call that ended the node, and the last messages.
        asked = node.finished  # type: ignore[attr-defined]
        deadline = time.monotonic() + (_LAST_ANSWER_S if asked else _LAST_MESSAGES_S)
        while time.monotonic() < deadline:
            _spin_once(executor, node, 0.05)


def _spin_once(executor: rclpy.executors.Executor, node: Node, timeout_s: float) -> None:
    try:
        executor.spin_once(timeout_sec=timeout_s)
    except InvalidHandle as error:
        # Another thread may destroy a publisher while the executor begins to wait.
        node.get_logger().warning(f"the executor continues after: {error}")


def _wake_at_signals(executor: rclpy.executors.Executor) -> None:
    # Python calls signal handlers only when the main thread returns from waiting for messages.
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    def pass_on() -> None:
        while os.read(woken, 64):
            with contextlib.suppress(InvalidHandle):  # it is shutting down already
                executor.wake()

    threading.Thread(target=pass_on, name="signals", daemon=True).start()
