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

"""Agent: computes an action for each observation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic

from ..data import DataCollector, DataCollectorsDict
from ..model import InferenceModel, InferenceModelsDict
from .event_mixin import InteractionParts
from .modular_env import ActType, ObsType


class Agent(InteractionParts, ABC, Generic[ObsType, ActType]):
    """Base class of agents.

    An agent may have child agents. They get the same models and collectors, and the agent passes
    its events and states on to them.
    """

    _inference_models: InferenceModelsDict
    _data_collectors: DataCollectorsDict

    def __init__(self, agents: Mapping[str, Agent[Any, Any]] | None = None) -> None:
        """Create an agent.

        Args:
            agents: Child agents by name.
        """
        self._agents: dict[str, Agent[Any, Any]] = dict(agents or {})

    @abstractmethod
    def step(self, observation: ObsType) -> ActType:
        """Compute the action of this tick.

        Args:
            observation: The environment's observation in this tick.

        Returns:
            The action, for the environment's `affect`.
        """

    def attach_inference_models(self, inference_models: InferenceModelsDict) -> None:
        """Attach the models to this agent and its children. Called before the first tick."""
        self._inference_models = inference_models
        self.on_inference_models_attached()
        for agent in self._agents.values():
            agent.attach_inference_models(inference_models)

    def on_inference_models_attached(self) -> None:
        """Override to get the required models with `get_inference_model`."""

    def attach_data_collectors(self, data_collectors: DataCollectorsDict) -> None:
        """Attach the collectors to this agent and its children. Called before the first tick."""
        self._data_collectors = data_collectors
        self.on_data_collectors_attached()
        for agent in self._agents.values():
            agent.attach_data_collectors(data_collectors)

    def on_data_collectors_attached(self) -> None:
        """Override to get the required collectors with `get_data_collector`."""

    def get_inference_model(self, name: str) -> InferenceModel:
        """Return the inference model of that name.

        Raises:
            KeyError: No model has that name.
        """
        return self._inference_models[name]

    def get_data_collector(self, name: str) -> DataCollector[Any]:
        """Return the collector of that name. No other agent can get it.

        Raises:
            KeyError: No collector has that name, or another agent already got it.
        """
        return self._data_collectors.acquire(name)

    def _parts(self) -> Mapping[str, Any]:
        return self._agents
