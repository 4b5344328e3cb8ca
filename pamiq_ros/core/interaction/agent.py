"""Agent: decides on an action for each observation."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic

from ..data import DataCollector, DataCollectorsDict
from ..model import InferenceModel, InferenceModelsDict
from .env import ActType, ObsType
from .parts import InteractionParts


class Agent(InteractionParts, ABC, Generic[ObsType, ActType]):
    """The one who acts.

    An agent may have child agents: they get the same models and collectors, and its events and
    states are passed on to them.
    """

    _inference_models: InferenceModelsDict
    _data_collectors: DataCollectorsDict

    def __init__(self, agents: Mapping[str, Agent[Any, Any]] | None = None) -> None:
        """Make an agent.

        Args:
            agents: Child agents by name.
        """
        self._agents: dict[str, Agent[Any, Any]] = dict(agents or {})

    @abstractmethod
    def step(self, observation: ObsType) -> ActType:
        """Decide what to do now.

        Args:
            observation: What the environment gave this tick.

        Returns:
            The action of this tick.
        """

    def attach_inference_models(self, inference_models: InferenceModelsDict) -> None:
        """Give this agent and its children their models, before the first tick."""
        self._inference_models = inference_models
        self.on_inference_models_attached()
        for agent in self._agents.values():
            agent.attach_inference_models(inference_models)

    def on_inference_models_attached(self) -> None:
        """Override to get the models that are needed, with `get_inference_model`."""

    def attach_data_collectors(self, data_collectors: DataCollectorsDict) -> None:
        """Give this agent and its children their collectors, before the first tick."""
        self._data_collectors = data_collectors
        self.on_data_collectors_attached()
        for agent in self._agents.values():
            agent.attach_data_collectors(data_collectors)

    def on_data_collectors_attached(self) -> None:
        """Override to get the collectors that are needed, with `get_data_collector`."""

    def get_inference_model(self, name: str) -> InferenceModel:
        """The inference model of a name.

        Raises:
            KeyError: There is none of that name.
        """
        return self._inference_models[name]

    def get_data_collector(self, name: str) -> DataCollector[Any]:
        """The collector of a name, for this agent alone.

        Raises:
            KeyError: There is none of that name, or another agent already has it.
        """
        return self._data_collectors.acquire(name)

    def _parts(self) -> Mapping[str, Any]:
        return self._agents
