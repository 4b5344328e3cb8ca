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

"""Learning to encode images without reconstructing them: PatchEncoder, its predictor and trainer.

A joint-embedding predictive architecture, I-JEPA (Assran et al. 2023, arXiv:2301.08243): from the
patches that are shown, a predictor predicts the encodings of the hidden patches. The targets come
from a slow copy of the encoder that sees the whole image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from pamiq_ros.core import OptimizersSetup
from pamiq_ros.systems.vae.networks import to_unit
from pamiq_ros.systems.vae.trainer import ImageTrainer

_HEAD_WIDTH = 16
_SHOWN_SHARE = 0.5
_TARGET_DECAY = 0.99
_WEIGHT_DECAY = 0.05


class PatchEncoder(nn.Module):
    """A small vision transformer (Dosovitskiy et al. 2021); an encoding projects all its patches.

    Args:
        side: Rows and columns of an image, a multiple of `patch`.
        patch: Rows and columns of a patch.
        width: Width of the layers, a multiple of 16.
        layers: Number of layers.
        encoding_size: Size of an encoding.

    Attributes:
        count: Number of patches in an image.
    """

    def __init__(self, side: int, patch: int, width: int, layers: int, encoding_size: int) -> None:
        super().__init__()
        self.count = (side // patch) ** 2
        self.split = nn.Conv2d(3, width, patch, stride=patch)
        self.places = nn.Parameter(torch.randn(self.count, width) * 0.02)
        self.layers = nn.ModuleList(transformer_layer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        # A fixed random projection (Johnson & Lindenstrauss 1984) preserves distances, so training
        # cannot make the encoding trivially predictable.
        view = torch.randn(self.count * width, encoding_size) / (self.count * width) ** 0.5
        self.register_buffer("view", view)

    def patches(self, images: Tensor, shown: Tensor | None = None) -> Tensor:
        """Encode patches.

        Args:
            images: float32 [N, 3, side, side] in [0, 1].
            shown: Indices of the patches to encode, int64 [N, M]; None: all.

        Returns:
            float32 [N, M, width].
        """
        found = self.split(images - 0.5).flatten(2).transpose(1, 2) + self.places
        if shown is not None:
            found = found.gather(1, shown.unsqueeze(2).expand(-1, -1, found.shape[2]))
        for layer in self.layers:
            found = layer(found)
        normed: Tensor = self.norm(found)
        return normed

    def encode(self, images: Tensor) -> Tensor:
        """Return encodings [N, encoding_size] of images, float32 [N, 3, side, side] in [0, 1]."""
        view: Tensor = self.view  # type: ignore[assignment]
        return self.patches(images).flatten(1) @ view

    def forward(self, images: Tensor) -> Tensor:
        """Return `encode(images)`."""
        return self.encode(images)

    def latent(self, image: Tensor) -> Tensor:
        """Return the encoding of a camera image, uint8 [3, side, side]."""
        return self.encode(to_unit(image).unsqueeze(0))[0]


class PatchPredictor(nn.Module):
    """Predicts the encodings of hidden patches.

    Args:
        count: Number of patches in an image.
        width: Size of an encoded patch.
        layers: Number of layers.
    """

    def __init__(self, count: int, width: int, layers: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(count, width) * 0.02)
        self.unknown = nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(transformer_layer(width) for _ in range(layers))
        self.leave = nn.Linear(width, width)

    def forward(self, seen: Tensor, shown: Tensor, hidden: Tensor) -> Tensor:
        """Predict hidden patches.

        Args:
            seen: float32 [N, M, width], the encoded patches that are shown.
            shown: Their indices, int64 [N, M].
            hidden: Indices of the patches to predict, int64 [N, K].

        Returns:
            float32 [N, K, width].
        """
        found = torch.cat([seen + self.places[shown], self.unknown + self.places[hidden]], 1)
        for layer in self.layers:
            found = layer(found)
        predicted: Tensor = self.leave(found[:, seen.shape[1] :])
        return predicted


def transformer_layer(width: int) -> nn.TransformerEncoderLayer:
    """Return a pre-norm transformer layer."""
    return nn.TransformerEncoderLayer(
        width,
        max(1, width // _HEAD_WIDTH),
        2 * width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )


class JEPATrainer(ImageTrainer):
    """Trains `learner` and `predictor`; `encoder` is a moving average of the learner.

    The agent uses the moving average (the teacher of I-JEPA): its encodings change little from one
    version to the next, so the dynamics and the policy can follow.

    Records the metrics `jepa_loss` and `encoding_deviation` (standard deviation of an encoding's
    values over images; near 0 all encodings are the same).
    """

    @override
    def on_training_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_torch_training_model("encoder", PatchEncoder)
        self._learner = self.get_torch_training_model("learner", PatchEncoder)
        self._predictor = self.get_torch_training_model("predictor", PatchPredictor)

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """Create one optimizer for learner and predictor."""
        parameters = [*self._learner.model.parameters(), *self._predictor.model.parameters()]
        return {
            "adamw": torch.optim.AdamW(
                parameters, self._training.learning_rate, weight_decay=_WEIGHT_DECAY
            )
        }

    @override
    def _update(self, images: Tensor) -> None:
        encoder, learner = self._encoder.model, self._learner.model
        shown, hidden = self._sampled_patches(len(images), encoder.count)
        with torch.no_grad():
            whole = encoder.patches(images)
            wanted = whole.gather(1, hidden.unsqueeze(2).expand(-1, -1, whole.shape[2]))
            spread = (whole.flatten(1) @ encoder.view).std(0).mean()  # type: ignore[operator]
        predicted = self._predictor.model(learner.patches(images, shown), shown, hidden)
        loss = functional.smooth_l1_loss(predicted, wanted)
        self.optimizers["adamw"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizers["adamw"].step()
        with torch.no_grad():
            for slow, fast in zip(encoder.parameters(), learner.parameters(), strict=True):
                slow.lerp_(fast, 1.0 - _TARGET_DECAY)
        self.recorder.scalar("jepa_loss", loss.item())
        self.recorder.scalar("encoding_deviation", float(spread))

    def _sampled_patches(self, images: int, patches: int) -> tuple[Tensor, Tensor]:
        """Return indices of the shown and of the hidden patches, sampled for each image."""
        order = torch.rand(images, patches, generator=self._random).argsort(1)
        shown = max(1, min(patches - 1, round(_SHOWN_SHARE * patches)))
        return order[:, :shown], order[:, shown:]
