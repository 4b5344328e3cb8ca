"""PredictionEvaluator: how wrong the forward dynamics are on experience not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.core import Evaluator
from pamiq_ros.systems.vae.networks import to_unit


class PredictionEvaluator(Evaluator):
    """Gives `prediction_error` and `no_change_error`, of an encoding's number.

    The first is the mean squared error of what the dynamics say comes next, with their state kept
    from tick to tick; the second that of saying that nothing changes, to compare it with.
    """

    def __init__(self) -> None:
        """Judge what the agent collects for the dynamics."""
        super().__init__("experience")
        self._before: dict[str, Any] | None = None

    @override
    def begin(self) -> None:
        """Forget the recording before."""
        self._before = None

    @override
    def on_training_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_training_model("encoder")
        self._dynamics = self.get_training_model("dynamics")

    @override
    @torch.no_grad()
    def evaluate(self, step: Mapping[str, Any]) -> Mapping[str, float]:
        """Judge a step; of the first of a sequence there is nothing to say."""
        encoding = self._encoder.model.encode(to_unit(step["picture"])[None])[0]
        before, follows = self._before, False
        if before is not None:
            follows = step["tick"] == before["tick"] + 1
        state = before["after"] if before is not None and follows else step["state"]
        predicted, after = self._dynamics.model.step(encoding, step["action"], state)
        self._before = {
            "tick": step["tick"], "predicted": predicted, "after": after, "encoding": encoding,
        }  # fmt: skip
        if before is None or not follows:
            return {}
        return {
            "prediction_error": _error(before["predicted"], encoding),
            "no_change_error": _error(before["encoding"], encoding),
        }


def _error(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean())
