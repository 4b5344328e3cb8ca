"""JEPATrainer: has a patch encoder foresee the patches that it is not shown."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from pamiq_ros.core import OptimizersSetup
from pamiq_ros.systems.vae.trainer import PictureTrainer

from .patches import PatchEncoder, PatchPredictor

_SHOWN_SHARE = 0.5
_FOLLOWS = 0.99
_WEIGHT_DECAY = 0.05


class JEPATrainer(PictureTrainer):
    """Trains `learner` and `predictor` on pictures of all ages; `encoder` follows the learner.

    The encoder that acts is the slow one (the teacher of I-JEPA): its encodings change little from
    one version to the next, which is good for what learns from them.

    Records the metrics `jepa_loss` and `encoding_deviation` (of an encoding's number over pictures;
    near 0 the encoder says the same of all).
    """

    @override
    def on_training_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_torch_training_model("encoder", PatchEncoder)
        self._learner = self.get_torch_training_model("learner", PatchEncoder)
        self._predictor = self.get_torch_training_model("predictor", PatchPredictor)

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """One optimizer for learner and predictor."""
        parameters = [*self._learner.model.parameters(), *self._predictor.model.parameters()]
        return {
            "adamw": torch.optim.AdamW(parameters, self._learning_rate, weight_decay=_WEIGHT_DECAY)
        }

    @override
    def _update(self, pictures: Tensor) -> None:
        encoder, learner = self._encoder.model, self._learner.model
        shown, hidden = self._drawn(len(pictures), encoder.count)
        with torch.no_grad():
            whole = encoder.patches(pictures)
            wanted = whole.gather(1, hidden.unsqueeze(2).expand(-1, -1, whole.shape[2]))
            spread = (whole.flatten(1) @ encoder.view).std(0).mean()  # type: ignore[operator]
        predicted = self._predictor.model(learner.patches(pictures, shown), shown, hidden)
        loss = functional.smooth_l1_loss(predicted, wanted)
        self.optimizers["adamw"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizers["adamw"].step()
        with torch.no_grad():
            for slow, fast in zip(encoder.parameters(), learner.parameters(), strict=True):
                slow.lerp_(fast, 1.0 - _FOLLOWS)
        self.recorder.scalar("jepa_loss", loss.item())
        self.recorder.scalar("encoding_deviation", float(spread))

    def _drawn(self, pictures: int, patches: int) -> tuple[Tensor, Tensor]:
        """Numbers of the patches shown and of those hidden, a part of each picture anew."""
        order = torch.rand(pictures, patches, generator=self._random).argsort(1)
        shown = max(1, min(patches - 1, round(_SHOWN_SHARE * patches)))
        return order[:, :shown], order[:, shown:]
