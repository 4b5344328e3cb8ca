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

"""PamiqNode: what the inference and the training node share as managed lifecycle nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from rcl_interfaces.msg import SetParametersResult
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from pamiq_ros.compat import current_state
from pamiq_ros.core import time
from pamiq_ros.core.config import ConfigurationError, ResolvedSystem, resolve_system
from pamiq_ros.core.seeding import seed_everything
from pamiq_ros.runtime.errors import ErrorLog, raised
from pamiq_ros.runtime.scheduling import Scheduling, parse_cpus, prefer_this_thread
from pamiq_ros.supervision.exit_policy import GAVE_UP
from pamiq_ros.supervision.lifecycle import ACTIVE, UNCONFIGURED
from pamiq_ros.supervision.reporter import Reporter

from .parameters import declare
from .tables import Parameter


def thread_setup(node: Node) -> Callable[[], None]:
    """Return a function that sets scheduling and torch threads of the thread that calls it.

    Args:
        node: A node with the parameters of the inference or the training node.

    Raises:
        ValueError: The parameter `cpu_affinity` does not fit this machine.
    """

    def value(name: str, default: Any = None) -> Any:
        return node.get_parameter(name).value if node.has_parameter(name) else default

    try:
        cpus = parse_cpus(value("cpu_affinity"))
    except ValueError as error:
        raise ValueError(f"parameter 'cpu_affinity': {error}") from error
    scheduling = Scheduling(
        cpus=cpus,
        niceness=value("niceness", 0),
        policy=value("scheduling", "other"),
        priority=value("realtime_priority", 0),
    )
    threads: int = value("torch_threads")

    def set_up() -> None:
        for refused in prefer_this_thread(scheduling):
            node.get_logger().info(f"continues without: {refused}", once=True)
        # torch keeps the number per calling thread; the default is every core.
        torch.set_num_threads(threads)

    return set_up


class PamiqNode(LifecycleNode):
    """A lifecycle node that refuses a wrong configuration at `configure` and publishes reports.

    Subclasses implement `configure`, `activate`, `deactivate` and `cleanup`. An exception in one
    of them fails the transition and is logged and reported. The node stays in its state.

    Attributes:
        errors: Errors, for the log and the report.
        finished: Whether the lifecycle has ended and the process should end.
        exit_status: Exit status of the process.
    """

    exit_status = 0

    def __init__(self, name: str, parameters: Sequence[Parameter]) -> None:
        super().__init__(name)
        self.errors = ErrorLog(lambda text: self.get_logger().error(text))
        self.finished = False
        self._stopped = False
        self._configuration_error = ""
        self._measured: dict[str, Any] = {}
        self._own_pauses = 0
        self._names = {parameter.name for parameter in parameters}
        self._parameter_errors = declare(self, parameters)
        self.add_on_set_parameters_callback(self._refuse_while_configured)
        self._reporter = Reporter(self, self._content, self.errors.aged)
        self._reporter.publish()

    def value(self, name: str) -> Any:
        """Return the value of a parameter."""
        return self.get_parameter(name).value

    def resolve_system(self) -> ResolvedSystem:
        """Seed the random generators with `seed` and return the system that the parameters name.

        Raises:
            ConfigurationError: The system cannot be resolved.
        """
        if (seed := self.value("seed")) >= 0:
            seed_everything(seed)
        overrides = [override for override in self.value("overrides") if override]
        return resolve_system(self.value("system"), self.value("system_config"), overrides)

    def configure(self) -> None:
        """Build everything; raise for a wrong configuration."""
        raise NotImplementedError

    def activate(self) -> None:
        """Start to run."""
        raise NotImplementedError

    def deactivate(self) -> None:
        """Stop running; `activate` can follow."""
        raise NotImplementedError

    def cleanup(self) -> None:
        """Close everything that `configure` built. Also called when it raised."""
        raise NotImplementedError

    def statistics(self) -> dict[str, Any]:
        """Return the node's statistics for the report; empty while unconfigured."""
        raise NotImplementedError

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: unconfigured to inactive."""
        if self._is_ending("configure"):
            return TransitionCallbackReturn.FAILURE
        self._configuration_error = "; ".join(self._parameter_errors.values())
        if self._configuration_error:
            self.errors.add(self._configuration_error)
            self._reporter.publish()
            return TransitionCallbackReturn.FAILURE
        result = self._guarded("configure", self.configure)
        if result is not TransitionCallbackReturn.SUCCESS:
            self._configuration_error = self.errors.last()
            self._guarded("cleanup", self.cleanup)
            self._reporter.publish()
        return result

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: inactive to active (resume). The time of `pamiq_ros.core.time` continues."""
        if self._is_ending("activate"):
            return TransitionCallbackReturn.FAILURE
        time.resume()
        return self._guarded("activate", self.activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: active to inactive (pause). The time of `pamiq_ros.core.time` stops."""
        result = self._guarded("deactivate", self.deactivate)
        if result is TransitionCallbackReturn.SUCCESS:
            time.pause()
        return result

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: inactive to unconfigured."""
        time.resume()
        return self._guarded("cleanup", self.cleanup)

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: any state to finalized. The process ends afterwards."""
        self.stop()
        self.finished = True
        return TransitionCallbackReturn.SUCCESS

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Lifecycle: a transition failed. Return to unconfigured, from where it can be retried."""
        self._close_all()
        return TransitionCallbackReturn.SUCCESS

    def attempt(self, what: str, action: Callable[[], object]) -> None:
        """Call `action` and record its exception, so that the caller's next actions still run."""
        try:
            action()
        except Exception as error:  # users' code, or a robot that is already gone
            self.errors.add(f"{what}: {raised(error)}")

    def pause_by_itself(self, cause: str) -> None:
        """Deactivate after a fault; the control node then pauses the others. Any thread."""

        def pause() -> None:
            if current_state(self) == ACTIVE:
                self.get_logger().error(f"paused: {cause}")
                self._own_pauses += 1
                self.trigger_deactivate()

        assert self.executor is not None
        self.executor.create_task(pause)

    def give_up(self, cause: str) -> None:
        """End the process, and with it the system, after a fault. Any thread."""
        self.get_logger().fatal(f"given up: {cause}")
        self.exit_status = GAVE_UP
        self.finished = True

    def stop(self) -> None:
        """Stop and close everything, in any state; safe to call twice."""
        self._stopped = True
        self._close_all()

    def _close_all(self) -> None:
        self._guarded("deactivate", self.deactivate)
        self._reporter.publish()
        self._guarded("cleanup", self.cleanup)

    def _is_ending(self, transition: str) -> bool:
        if self._stopped:  # it was requested before that was known
            self.get_logger().info(f"{transition}: not any more, the process is ending")
        return self._stopped

    def _refuse_while_configured(
        self,
        changes: list[RosParameter],  # type: ignore[type-arg]
    ) -> SetParametersResult:
        state = current_state(self)
        ours = [change.name for change in changes if change.name in self._names]
        if state == UNCONFIGURED or not ours:
            return SetParametersResult(successful=True)
        return SetParametersResult(
            successful=False,
            reason=f"{', '.join(ours)}: read at configure, and the node is {state}; "
            "start it again with another value, or deactivate and clean it up first",
        )

    def _guarded(self, what: str, action: Callable[[], None]) -> TransitionCallbackReturn:
        try:
            action()
        except Exception as error:  # systems are users' code: report whatever they raise
            expected = isinstance(error, (ConfigurationError, ValueError, OSError, MemoryError))
            self.errors.add(f"{what}: {error if expected else raised(error)}")
            return TransitionCallbackReturn.FAILURE
        finally:
            self._reporter.publish()
        return TransitionCallbackReturn.SUCCESS

    def _content(self) -> Mapping[str, Any]:
        # After cleanup the last statistics stay, so that the end of a run can still be read.
        self._measured = self.statistics() or self._measured
        return {
            "system": self.value("system"),
            "state": current_state(self),
            "errors": self.errors.texts(),
            "configuration_error": self._configuration_error,
            "own_pauses": self._own_pauses,
            "figures": self._measured,
        }
