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

"""The trainer of the forward dynamics, and their evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from pamiq_ros.core import Evaluator, OptimizersSetup, TorchTrainer
from pamiq_ros.systems.vae.networks import to_bytes, to_unit

from .dynamics import ForwardDynamics
from .models import Encodes

CELLS = 8
THUMBNAIL = 48
_MAX_GRAD_NORM = 1.0
_MAP_SAMPLES = 256
_SHOWN = 6


def seen_map(images: Tensor, encodings: Tensor) -> Tensor:
    """Lay images out by the first two principal components of their encodings.

    Args:
        images: uint8 [N, 3, H, W].
        encodings: float32 [N, size], their encodings.

    Returns:
        uint8 [3, CELLS * THUMBNAIL, CELLS * THUMBNAIL]; empty cells are black.
    """
    # Each cell shows one image: only these are resized.
    chosen = {(row, column): n for n, (row, column) in enumerate(_places(encodings).tolist())}
    large = images[list(chosen.values())].float()
    shown = functional.interpolate(large, (THUMBNAIL, THUMBNAIL), mode="area").byte()
    sheet = torch.zeros(3, CELLS, THUMBNAIL, CELLS, THUMBNAIL, dtype=torch.uint8)
    for (row, column), image in zip(chosen, shown, strict=True):
        sheet[:, row, :, column] = image
    return sheet.reshape(3, CELLS * THUMBNAIL, CELLS * THUMBNAIL)


def _places(encodings: Tensor) -> Tensor:
    """Return row and column of each, int64 [N, 2], by the ranks of its principal components."""
    centred = encodings - encodings.mean(0)
    directions = torch.linalg.svd(centred, full_matrices=False)[2][:2]
    ranks: Tensor = (centred @ directions.T).argsort(0).argsort(0)
    return ranks * CELLS // len(encodings)


class DynamicsTrainer(TorchTrainer):
    """Trains `dynamics` on sequences of the newest experience.

    Images are encoded in each update, by the encoder's weights of now. A sequence starts from the
    state that the agent had at its first tick. Where ticks are missing, the state is reset and no
    prediction is trained across the gap.

    Records the metric `prediction_error` (mean squared error per value of an encoding), the image
    `seen` (a map of the buffer) and, if there is a decoder, the image `prediction`.
    """

    def __init__(
        self,
        *,
        learning_rate: float,
        sequences: int,
        length: int,
        min_buffer_size: int,
        updates_per_run: int,
        seed: int,
    ) -> None:
        """Make a trainer.

        Args:
            learning_rate: Learning rate of Adam.
            sequences: Sequences per update.
            length: Ticks in a sequence, 2 or more.
            min_buffer_size: Ticks to wait for before the first update.
            updates_per_run: Updates per training round; weights are published after each round.
            seed: Seed of the sampled sequences.
        """
        super().__init__("experience", max(min_buffer_size, length))
        self._learning_rate, self._updates = learning_rate, updates_per_run
        self._sequences, self._length = sequences, length
        self._random = torch.Generator().manual_seed(seed)
        self._shown = torch.Generator().manual_seed(seed)

    @override
    def on_training_models_attached(self) -> None:
        """Get the dynamics, and the encoder, which another trainer trains."""
        self._dynamics = self.get_torch_training_model("dynamics", ForwardDynamics)
        # Not by get_training_model: it would publish their weights after each training round.
        models: dict[str, Any] = dict(self._training_models)
        self._encoder: Encodes = models["encoder"].model
        self._decoder: nn.Module | None = models["decoder"].model if "decoder" in models else None

    @override
    def on_data_users_attached(self) -> None:
        """Get the experience."""
        self._experience = self.get_data_user("experience")

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """Create the optimizer of the dynamics."""
        return {"adam": torch.optim.Adam(self._dynamics.model.parameters(), self._learning_rate)}

    @override
    def train(self) -> None:
        """Make the updates of one training round."""
        for _ in range(self._updates):
            sampled = self._experience.sample_sequences(self._sequences, self._length, self._random)
            loss = prediction_error(self._dynamics.model, self._encoder, sampled)
            self.optimizers["adam"].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            parameters = self._dynamics.model.parameters()
            torch.nn.utils.clip_grad_norm_(parameters, _MAX_GRAD_NORM)
            self.optimizers["adam"].step()
            self.recorder.scalar("prediction_error", loss.item())
        self.recorder.image("seen", self._seen)
        if self._decoder is not None:
            self.recorder.image("prediction", self._prediction)

    @torch.no_grad()
    def _seen(self) -> Tensor:
        images = self._experience.sample(_MAP_SAMPLES, self._shown)["picture"]
        return seen_map(images, self._encoder.encode(to_unit(images)))

    @torch.no_grad()
    def _prediction(self) -> Tensor:
        """Show the newest images, each above its prediction."""
        assert self._decoder is not None
        steps = self._experience.newest(self._length)
        ahead = {name: part[None] for name, part in steps.items()}
        predicted = predictions(self._dynamics.model, self._encoder, ahead)[0]
        decoded = self._decoder(predicted[-_SHOWN:])
        actual = to_unit(steps["picture"][-_SHOWN:])
        return to_bytes(torch.cat([torch.cat(list(part), 2) for part in (actual, decoded)], 1))


def prediction_error(
    dynamics: ForwardDynamics, encoder: Encodes, sequences: Mapping[str, Tensor]
) -> Tensor:
    """Return the prediction error of the dynamics along sequences of experience.

    Args:
        dynamics: The dynamics.
        encoder: Encodes the images; it gets no gradients.
        sequences: Stacked steps of the buffer `experience`, [B, L, ...].

    Returns:
        The mean squared error per value of an encoding, a scalar.
    """
    encodings = encoded(encoder, sequences["picture"])
    follows = _follows(sequences["tick"])
    predicted = _along(dynamics, encodings, follows, sequences)
    errors: Tensor = (predicted - encodings[:, 1:]).square().mean(2)
    return (errors * follows).sum() / follows.sum().clamp(min=1.0)


def predictions(
    dynamics: ForwardDynamics, encoder: Encodes, sequences: Mapping[str, Tensor]
) -> Tensor:
    """Return the predictions of all ticks but the first, [B, L - 1, encoding_size]."""
    encodings = encoded(encoder, sequences["picture"])
    return _along(dynamics, encodings, _follows(sequences["tick"]), sequences)


@torch.no_grad()
def encoded(encoder: Encodes, images: Tensor) -> Tensor:
    """Return encodings [B, L, size] of images, uint8 [B, L, 3, height, width]."""
    flat = encoder.encode(to_unit(images.flatten(0, 1)))
    return flat.reshape(*images.shape[:2], -1)


def _follows(ticks: Tensor) -> Tensor:
    return (ticks.diff(dim=1) == 1).float()


def _along(
    dynamics: ForwardDynamics, encodings: Tensor, follows: Tensor, sequences: Mapping[str, Tensor]
) -> Tensor:
    # The state is reset after a gap.
    keep = torch.cat([torch.ones_like(follows[:, :1]), follows[:, :-1]], 1)
    actions, state = sequences["action"][:, :-1], sequences["state"][:, 0]
    predicted: Tensor = dynamics(encodings[:, :-1], actions, state, keep)[0]
    return predicted


class PredictionEvaluator(Evaluator):
    """Reports `prediction_error`, `no_change_error` and, with a decoder, `picture_error`.

    `prediction_error` is the mean squared error per value of the predicted encoding, with the state
    kept from tick to tick. `no_change_error` is the error of predicting no change, as a baseline.
    Both grow as the encoder learns, because its encodings grow. `picture_error` does not: it is the
    mean squared error of the decoded prediction, of pixel values in [0, 1].

    Args:
        has_decoder: Whether the system has a decoder.
    """

    def __init__(self, has_decoder: bool = False) -> None:
        super().__init__("experience")
        self._has_decoder = has_decoder
        self._before: dict[str, Any] | None = None

    @override
    def begin(self) -> None:
        """Reset at the beginning of a recording."""
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
        """Return the errors of a step; none for the first step of a sequence."""
        image = to_unit(step["picture"])[None]
        encoding = self._encoder.model.encode(image)[0]
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
            errors["picture_error"] = _error(self._decoder.model(before["predicted"][None]), image)
        return errors


def _error(one: Tensor, other: Tensor) -> float:
    return float((one - other).square().mean())
