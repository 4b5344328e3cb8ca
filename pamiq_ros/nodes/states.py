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

"""NodeStates: when a node saves its state, which state it resumes from, and `~/save_state`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future as Saved
from pathlib import Path
from typing import Any

from rclpy.task import Future
from std_srvs.srv import Trigger

from pamiq_ros.checkpoints import LATEST, Configuration, RetentionPolicy, Saver, StateStore, Write
from pamiq_ros.core.config import ResolvedSystem
from pamiq_ros.runtime.errors import raised
from pamiq_ros.supervision.ros_time import steady_timer

from .managed import PamiqNode

NONE = "none"
_CHECK_PERIOD_S = 0.5
_PAUSE_DELAY_S = 2.0

Load = Callable[[Path, "Callable[[str], object] | None"], object]


class NodeStates:
    """The states of a node with the parameters of `STATE_PARAMETERS`.

    Args:
        node: The node.
        resolved: The node's system.
        write: Writes a state's files; called in a thread.
        facts: Returns plain values for the manifest. `updates` is compared with `save_updates`.
    """

    def __init__(
        self,
        node: PamiqNode,
        resolved: ResolvedSystem,
        write: Write,
        facts: Callable[[], Mapping[str, Any]],
    ) -> None:
        self._node, self._facts = node, facts
        name = node.get_fully_qualified_name().strip("/")
        self._store = StateStore(
            Path(node.value("states_dir")).expanduser() / name,
            Configuration.of(resolved),
            RetentionPolicy(*(node.value(f"states_keep{of}") for of in ("", "_hourly", "_daily"))),
        )
        self._saver = Saver(
            self._store, write, facts, on_saved=self._on_saved, on_error=self._on_error
        )
        self._saved_at, self._saved_updates, self._pause_due_at = self._now(), 0, math.inf
        self._timer = steady_timer(node, _CHECK_PERIOD_S, self._save_if_due)
        self._service = node.create_service(Trigger, "~/save_state", self._serve)

    def load(self, load: Load, take_facts: Callable[[Mapping[str, Any]], object]) -> None:
        """Load the state that the parameter `resume` names, if there is one.

        Args:
            load: Called with the state's directory and, if parts that do not fit may be left out, a
                function to call with a text for each of them, else None.
            take_facts: Called before with the state's facts.

        Raises:
            ValueError: The state cannot be used; says why. No state is saved then.
        """
        self._store.remove_leftovers()
        wanted = self._node.value("resume")
        try:
            if wanted != NONE:
                self._load(wanted, load, take_facts)
        except BaseException:
            self.abandon()  # a system that was not loaded must not be saved as the newest state
            raise
        if wanted != LATEST:
            self.request()  # a restart after a crash resumes from the latest state

    def _load(
        self, wanted: str, load: Load, take_facts: Callable[[Mapping[str, Any]], object]
    ) -> None:
        log, fits = self._node.get_logger(), self._node.value("resume_what_fits")
        found = self._store.find(wanted, log.warning, any_configuration=fits)
        if found is None:
            return
        path, facts = found
        left_out = lambda text: log.warning(f"state {path}: left out {text}")  # noqa: E731
        take_facts(facts)  # first: loading publishes the weights, as a newer version
        load(path, left_out if fits else None)
        self._saved_updates = int(facts.get("updates", 0))
        log.info(f"state loaded from {path}")

    def newest(self) -> Path | None:
        """Return the newest undamaged state of this configuration; None if there is none.

        Raises:
            StateError: The state has another configuration.
        """
        found = self._store.find(LATEST, self._node.get_logger().warning)
        return found[0] if found is not None else None

    def request(self) -> Saved[Path]:
        """Save a state in the background, written after this call."""
        self._saved_at, self._saved_updates = self._now(), self._updates()
        self._pause_due_at = math.inf
        return self._saver.request()

    def paused(self) -> None:
        """Save in two seconds if `save_on_pause` is set; a shutdown before that saves anyway."""
        if self._node.value("save_on_pause"):
            self._pause_due_at = time.monotonic() + _PAUSE_DELAY_S

    def close(self) -> None:
        """Save a last state, wait for it, and end."""
        self.request().exception()  # the saver has reported it
        self.abandon()

    def abandon(self) -> None:
        """End without saving."""
        self._saver.close(1.0)
        self._node.destroy_timer(self._timer)
        self._node.destroy_service(self._service)

    def statistics(self) -> dict[str, Any]:
        """See `Saver.statistics`."""
        return self._saver.statistics()

    def _save_if_due(self) -> None:
        period, updates = self._node.value("save_period"), self._updates_wanted()
        is_due = period and self._now() - self._saved_at >= period
        has_updates = updates and self._updates() - self._saved_updates >= updates
        if is_due or has_updates or time.monotonic() >= self._pause_due_at:
            self.request()

    async def _serve(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        # The executor must not block: a state can take longer than weights and commands can wait.
        done: Future[None] = Future(executor=self._node.executor)
        saved = self.request()
        saved.add_done_callback(lambda _: done.set_result(None))
        await done
        error = saved.exception()
        response.success = error is None
        response.message = str(error) if error is not None else saved.result().name
        return response

    def _updates_wanted(self) -> int:
        wanted = self._node.has_parameter("save_updates") and self._node.value("save_updates")
        return int(wanted)

    def _updates(self) -> int:
        return int(self._facts().get("updates", 0))

    def _now(self) -> float:
        return float(self._node.get_clock().now().nanoseconds) * 1e-9

    def _on_saved(self, path: Path, took_s: float) -> None:
        self._node.get_logger().info(f"state saved in {path} ({took_s:.1f} s)")

    def _on_error(self, error: Exception) -> None:
        text = str(error) if isinstance(error, (OSError, TimeoutError)) else raised(error)
        self._node.errors.add(f"the state was not saved: {text}")


def open_states(
    node: PamiqNode,
    resolved: ResolvedSystem,
    write: Write,
    facts: Callable[[], Mapping[str, Any]],
    load: Load,
    take_facts: Callable[[Mapping[str, Any]], object] = lambda facts: None,
) -> NodeStates | None:
    """Open the node's states and load the state to resume from.

    Arguments and errors are those of `NodeStates` and its `load`.

    Returns:
        None if the parameter `states_dir` is empty.
    """
    if not node.value("states_dir"):
        return None
    states = NodeStates(node, resolved, write, facts)
    states.load(load, take_facts)
    return states
