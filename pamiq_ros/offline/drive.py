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

"""Drive: runs an actor on a source tick by tick, in the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pamiq_ros.core.data import DataCollector
from pamiq_ros.core.devices import attach_robot
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.model.parameters import copy_parameters
from pamiq_ros.core.system import System
from pamiq_ros.runtime.actor import Actor
from pamiq_ros.runtime.errors import ErrorLog

from .robot import OfflineRobot
from .sources import Source


class OfflineError(RuntimeError):
    """The agent or a trainer failed in an offline run."""


class Drive:
    """A system's actor on an offline robot.

    Args:
        system: The system.
        models: The models whose weights the agent uses, see `take_weights`.
        collect: Called with the buffer's name and the step for each step that the agent collects.
        observation_timeout: Largest age of an observation to act on, in s of the source's time.

    Attributes:
        robot: The robot with the newest commands.
        actor: The actor; its `stop_reason` says why the robot does not drive.
        period_ns: Time between two ticks in ns.
    """

    def __init__(
        self,
        system: System,
        models: TrainingModelsDict,
        collect: Callable[[str, Any], object],
        observation_timeout: float = 0.5,
    ) -> None:
        self.robot = OfflineRobot()
        self.period_ns = round(1e9 / system.rate)
        self._errors: list[str] = []
        self._models = models
        self._version = 0
        with self._attached():
            self.actor = Actor(
                system,
                self.robot,
                lambda name, actor: _Collector(lambda step: collect(name, step)),
                ErrorLog(self._errors.append),
                observation_timeout,
            )
            self.actor.setup()

    @property
    def newest_error(self) -> str:
        """The last error; empty if there was none."""
        return self._errors[-1] if self._errors else ""

    def take_weights(self) -> None:
        """Hand the models' current weights to the agent, for the next tick."""
        self._version += 1
        for name, staged in self.actor.staged_weights.items():
            # A copy: training changes the tensors in place.
            parameters = copy_parameters(self._models.data[name].export_parameters())
            staged.stage(self._version, parameters)

    def through(self, source: Source) -> Iterator[int]:
        """Tick through a source; yield the time of each tick in ns since 1970 after it.

        Raises:
            ValueError: The source lacks an observed topic, or is damaged.
            OfflineError: The agent raised, or returned an invalid action.
        """
        source.connect(self.robot)
        due_ns = source.start_ns
        with self._attached(), self._resumed():
            for time_ns, observe in source.moments(self.robot):
                while due_ns < time_ns:
                    yield self._tick(due_ns)
                    due_ns += self.period_ns
                self.robot.now_ns = time_ns
                observe()
            yield self._tick(due_ns)

    def _tick(self, due_ns: int) -> int:
        self.robot.now_ns = due_ns
        self.actor.tick()
        if self.actor.stop_reason in ("agent_error", "action_error", "tick_error"):
            raise OfflineError(self.newest_error)
        return due_ns

    @contextmanager
    def _resumed(self) -> Iterator[None]:
        self.actor.resume()
        try:
            yield
        finally:
            self.actor.pause()

    @contextmanager
    def _attached(self) -> Iterator[None]:
        attach_robot(self.robot)
        try:
            yield
        finally:
            attach_robot(None)


class _Collector(DataCollector[Any]):
    def __init__(self, take: Callable[[Any], object]) -> None:
        self._take = take

    def collect(self, data: Any) -> None:
        self._take(data)
