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

"""Actor: one tick of observe, act and command, with the rules that keep the robot safe.

When in doubt the command is zero: without weights, without an observation, with a stale one, after
an exception or an action that is not finite, the robot is stopped and the cause is named.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from pamiq_ros.core.data import DataCollector, DataCollectorsDict
from pamiq_ros.core.devices import ActionError, ObservationError
from pamiq_ros.core.model import (
    InferenceModel,
    InferenceModelsDict,
    StagedWeights,
    TrainingModel,
)
from pamiq_ros.core.seeding import Generators
from pamiq_ros.core.state_persistence import PersistentStateMixin, load_parts
from pamiq_ros.core.system import System

from .errors import ErrorLog, raised
from .safe_points import BetweenTicks

# The robot stands for these without having been stopped: it did not drive before.
WAITING = frozenset({"no_weights", "no_observation", "paused"})
AGENT_FAULTS = frozenset({"agent_error", "action_error", "agent_hang"})


class Guard(Protocol):
    """What the actor needs of a robot: the state of its observations, and a stop."""

    def missing(self) -> list[str]:
        """Return the topics without a message so far."""

    def stale(self, limit_s: float) -> str:
        """Return which observation is older than `limit_s` seconds; empty if none is."""

    def stop(self) -> None:
        """Command zero, at once."""


class Actor:
    """The agent in its environment: the inference node's part of a system.

    Attributes:
        staged_weights: Receives the weights of each model that a learner trains, by model name.
        weights_version: Version of the newest weights in use, 0 for none; one counter numbers the
            versions of all models of a learner.
        stops: How often a driving robot was stopped, by cause.
        stop_reason: Why the robot does not drive now; empty while it drives.
    """

    def __init__(
        self,
        system: System,
        guard: Guard,
        make_collector: Callable[[str, Actor], DataCollector[Any]],
        errors: ErrorLog,
        observation_timeout: float,
        step_timeout: float = math.inf,
        on_agent_fault: Callable[[str], object] = lambda text: None,
    ) -> None:
        """Build the environment, the agent and the inference models; no trainer, no buffer.

        Args:
            system: The system.
            guard: The robot.
            make_collector: Returns the collector for a buffer's name and this actor.
            errors: Receives the causes of stops.
            observation_timeout: Maximum age of an observation to act on, in s.
            step_timeout: Maximum duration of the agent's step, in s; see `watch_step`.
            on_agent_fault: Called with a text when the robot has been stopped because the agent
                raised, hangs, or returned a wrong action. The tick's thread or the watchdog's calls
                it.
        """
        self.staged_weights: dict[str, StagedWeights] = {}
        self.weights_version = 0
        self.stops: Counter[str] = Counter()
        self.stop_reason = "no_weights"
        self._guard = guard
        self._errors = errors
        self._timeout = observation_timeout
        self._step_timeout = step_timeout
        self._on_agent_fault = on_agent_fault
        self._agent_fault = ""
        self._step_began: float | None = None
        self._overdue = False
        self._driven = False
        self._paused = True
        self._is_resumed = False
        self._commanding = threading.Lock()
        self._between = BetweenTicks()
        self._environment = system.build_environment()
        self._agent = system.agent()
        models = self._inference_models(system.build_models())
        self._agent.attach_inference_models(InferenceModelsDict(models))
        collectors = {name: make_collector(name, self) for name in system.buffers}
        self._agent.attach_data_collectors(DataCollectorsDict(collectors))

    def setup(self) -> None:
        """Set up the agent and the environment, which opens its topics."""
        self._agent.setup()
        self._environment.setup()

    def teardown(self) -> None:
        """Tear down the agent and the environment."""
        self._agent.teardown()
        self._environment.teardown()

    def halt(self) -> None:
        """Command zero, at once and until `resume`, even while a step is being computed."""
        with self._commanding:
            self._paused = True
            self._driven = False
            self._guard.stop()

    def pause(self) -> None:
        """Halt, and call `on_paused` of agent and environment once."""
        self.halt()
        if self._is_resumed:
            self._is_resumed = False
            self._agent.on_paused()
            self._environment.on_paused()

    def resume(self) -> None:
        """Continue, and call `on_resumed` of agent and environment."""
        self._is_resumed = True
        self._paused = False
        self._agent.on_resumed()
        self._environment.on_resumed()

    def tick(self) -> None:
        """Adopt new weights, then act, or stop the robot with a reason. Raises nothing."""
        self._between.tick(self._tick)

    def watch_step(self) -> None:
        """Stop the robot if the agent's step takes too long. Another thread calls this often.

        The late action is discarded.
        """
        began = self._step_began
        if began is None or self._overdue or time.monotonic() - began <= self._step_timeout:
            return
        self._overdue = True
        self.stop_reason = "agent_hang"
        text = f"the agent's step takes longer than {self._step_timeout:g} s"
        self._errors.add(f"robot stopped: {text}")
        self._attempt(self._guard.stop)
        self._attempt(lambda: self._on_agent_fault(text))

    def save_state(self, path: Path, timeout: float = 60.0) -> None:
        """Save agent, environment and random generators between two ticks.

        Args:
            path: An existing directory, in memory so that the tick does not wait for a disk.
            timeout: Maximum time to wait for a tick to end, in s.

        Raises:
            OSError: The files cannot be written.
            TimeoutError: No tick ended within `timeout`.
            TypeError: A part cannot be saved; names it.
        """

        def save() -> None:
            for name, part in self._parts().items():
                part.save_state(path / name)

        self._between.do(save, lambda: self._paused, timeout)

    def load_state(self, path: Path, on_mismatch: Callable[[str], object] | None = None) -> None:
        """Load what `save_state` saved. Not while ticking.

        Args:
            path: The state's directory.
            on_mismatch: Called with a text for each part that does not match; None: a mismatch
                raises.

        Raises:
            ValueError: A part does not match the system, or is damaged; names the file.
        """
        load_parts(self._parts(), path, on_mismatch)

    def _parts(self) -> dict[str, PersistentStateMixin]:
        parts = {"agent": self._agent, "environment": self._environment}
        return {**parts, "generators": Generators()}

    def watch(self) -> None:
        """Stop the robot if there is a reason. Raises nothing.

        Called between two observations where observations start the ticks.
        """
        self._guarded(self._watch)

    def _tick(self) -> None:
        self._guarded(lambda: self._stop_for(self._stop_cause() or self._act()))

    def _guarded(self, act: Callable[[], None]) -> None:
        if self._paused:
            self.stop_reason = "paused"
            return
        try:
            for staged in self.staged_weights.values():
                if staged.swap():
                    self.weights_version = max(s.version for s in self.staged_weights.values())
            act()
        except (Exception, SystemExit) as error:  # the tick's thread must survive to stop the robot
            self.stop_reason = "tick_error"
            self._errors.add(f"tick failed: {raised(error)}")
            self._attempt(self._guard.stop)

    def _attempt(self, stop: Callable[[], object]) -> None:
        try:
            stop()
        except Exception as error:  # nothing else can be tried, but it must be reported
            self._errors.add(f"the robot could not be stopped: {raised(error)}")

    def _watch(self) -> None:
        if reason := self._stop_cause():
            self._stop_for(reason)

    def _stop_for(self, reason: str) -> None:
        self.stop_reason = reason
        if reason:
            self._guard.stop()
            if self._driven and reason not in WAITING:
                self.stops[reason] += 1
        self._driven = not reason
        if self._agent_fault:
            text, self._agent_fault = self._agent_fault, ""
            self._on_agent_fault(text)

    def _inference_models(
        self, models: Mapping[str, TrainingModel[Any]]
    ) -> dict[str, InferenceModel]:
        inference_models: dict[str, InferenceModel] = {}
        for name, model in models.items():
            if model.has_inference_model:
                inference_models[name] = model.inference_model
                if not model.inference_thread_only:
                    self.staged_weights[name] = StagedWeights(model.inference_model)
        return inference_models

    def _stop_cause(self) -> str:
        if any(staged.version == 0 for staged in self.staged_weights.values()):
            return "no_weights"
        if self._guard.missing():
            return "no_observation"
        return self._stale()

    def _stale(self) -> str:
        if stale := self._guard.stale(self._timeout):
            self._errors.add(f"robot stopped: {stale}")
            return "stale_observation"
        return ""

    def _act(self) -> str:
        try:
            self._overdue, self._step_began = False, time.monotonic()
            action = self._agent.step(self._environment.observe())
            with self._commanding:
                if self._paused:
                    return "paused"
                if self._overdue:
                    return "agent_hang"
                if stale := self._stale():  # the step may have taken long
                    return stale
                self._environment.affect(action)
        except ObservationError as error:
            return self._failed("observation_error", error)
        except ActionError as error:
            return self._failed("action_error", error)
        except (Exception, SystemExit) as error:  # whatever the agent raises, the robot must stop
            return self._failed("agent_error", error)
        finally:
            self._step_began = None
        return ""

    def _failed(self, cause: str, error: BaseException) -> str:
        what = str(error) if cause != "agent_error" else f"agent raised {raised(error)}"
        self._errors.add(f"robot stopped: {what}")
        if cause in AGENT_FAULTS:
            self._agent_fault = what
        return cause
