"""StagedWeights: where a model's next weights wait until the tick takes them."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from pamiq_ros.core.model import InferenceModel, ParameterReader


class StagedWeights:
    """One inference model and the version of the weights it acts with.

    A receiving thread stages, the tick swaps. The tick never waits: while a version is being
    staged it goes on with the one it has and takes the new one at the next tick.

    Attributes:
        version: Version of the weights in use; 0 while the model has none from the learner.
    """

    def __init__(self, model: InferenceModel) -> None:
        self.version = 0
        self._model = model
        self._staged_version = 0
        self._lock = threading.Lock()

    def stage(self, version: int, parameters: Mapping[str, Any]) -> None:
        """Put a version aside for the tick; any thread.

        Raises:
            ValueError: The parameters do not fit the model or are not finite; names the tensor.
        """
        with self._lock:
            self._model.stage_parameters(parameters)
            self._staged_version = version

    def stage_from(self, version: int, reader: ParameterReader) -> None:
        """Read a version to where it waits for the tick; any thread.

        Raises:
            ValueError: The parameters do not fit the model or are not finite; names the tensor.
            StaleParameters: They were written over while they were read. Whatever fails, the tick
                goes on with the version in use.
        """
        with self._lock:
            self._model.stage_from(reader)
            self._staged_version = version

    def release_spare(self) -> None:
        """Let go of memory kept for the next version; any thread."""
        self._model.release_spare()

    def swap(self) -> bool:
        """Take what is staged, between two ticks.

        Returns:
            Whether the model now has other weights.
        """
        if not self._lock.acquire(blocking=False):
            return False
        try:
            if not self._model.swap_parameters():
                return False
            self.version = self._model.weights_version = self._staged_version
            return True
        finally:
            self._lock.release()
