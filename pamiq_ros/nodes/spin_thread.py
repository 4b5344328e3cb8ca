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

"""SpinThread: an executor in its own thread, which is joined before its nodes are destroyed."""

from __future__ import annotations

import contextlib
import threading
from typing import Any

from rclpy.context import Context
from rclpy.exceptions import InvalidHandle
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future

LONGEST_CALLBACK_S = 10.0


class SpinThread:
    """Spins nodes until it is closed, then destroys them.

    If a node is destroyed while an executor waits for it, the process ends with a segmentation
    fault. `Executor.shutdown` does not wait for `spin`, so `close` joins the thread first.

    Args:
        context: The nodes' context; None: the default one.
    """

    def __init__(self, context: Context | None = None) -> None:
        self._executor = SingleThreadedExecutor(context=context)
        self._nodes: list[Node] = []
        self._closing: Future[Any] = Future()
        self._thread = threading.Thread(target=self._spin, name="spin", daemon=True)
        self._thread.start()

    def add(self, node: Node) -> None:
        """Spin a node too; `close` destroys it."""
        self._nodes.append(node)
        self._executor.add_node(node)

    def close(self) -> None:
        """End the thread, then destroy the nodes; safe to call twice.

        Raises:
            TimeoutError: A callback did not return within 10 s. The nodes are not destroyed.
        """
        self._closing.set_result(None)
        self._thread.join(LONGEST_CALLBACK_S)
        if self._thread.is_alive():
            names = ", ".join(node.get_name() for node in self._nodes)
            raise TimeoutError(f"a callback of {names} did not return in {LONGEST_CALLBACK_S:g} s")
        self._executor.shutdown()
        for node in self._nodes:
            node.destroy_node()
        self._nodes = []

    def _spin(self) -> None:
        # Shutting the context down ends the thread too.
        with contextlib.suppress(ExternalShutdownException):
            while not self._closing.done():
                # Another thread may destroy a publisher while the executor begins to wait.
                with contextlib.suppress(InvalidHandle):
                    self._executor.spin_until_future_complete(self._closing)
