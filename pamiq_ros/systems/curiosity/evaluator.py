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
    """Gives `prediction_error` and `no_change_error`, and `picture_error` where there is a decoder.

    The first is the mean squared error of what the dynamics say comes next, of an encoding's
    number, with their state kept from tick to tick; the second that of saying that nothing changes,
    to compare it with. Encodings grow as the encoder learns, and these errors with them. The third
    does not: it is that of the picture which the decoder makes of what was foreseen, of values in
    [0, 1].

    Args:
        has_decoder: Whether encodings can be made pictures of.
    """

    def __init__(self, has_decoder: bool = False) -> None:
        # What the agent collects for the dynamics.
        super().__init__("experience")
        self._has_decoder = has_decoder
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
        self._decoder = self.get_training_model("decoder") if self._has_decoder else None

    @override
    @torch.no_grad()
    def evaluate(self, step: Mapping[str, Any]) -> Mapping[str, float]:
        """Judge a step; of the first of a sequence there is nothing to say."""
        picture = to_unit(step["picture"])[None]
        encoding = self._encoder.model.encode(picture)[0]
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
        errors = {
            "prediction_error": _error(before["predicted"], encoding),
            "no_change_error": _error(before["encoding"], encoding),
        }
        if self._decoder is not None:
            errors["picture_error"] = _error(
                self._decoder.model(before["predicted"][None]), picture
            )
        return errors


def _error(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean())
