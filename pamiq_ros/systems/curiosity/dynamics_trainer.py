"""DynamicsTrainer: trains the forward dynamics on what the robot has seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from typing_extensions import override

from pamiq_ros.core import OptimizersSetup, TorchTrainer
from pamiq_ros.systems.vae.networks import to_bytes, to_unit

from .dynamics import ForwardDynamics
from .models import Encodes

CELLS = 8
THUMBNAIL = 48


def seen_map(pictures: Tensor, encodings: Tensor) -> Tensor:
    """Lay pictures out by the two directions in which their encodings differ most.

    Args:
        pictures: uint8 [N, 3, H, W].
        encodings: float32 [N, size], theirs.

    Returns:
        uint8 [3, CELLS * THUMBNAIL, CELLS * THUMBNAIL]; black where nothing is.
    """
    # One picture to a cell: only those are made smaller.
    chosen = {(row, column): n for n, (row, column) in enumerate(_places(encodings).tolist())}
    large = pictures[list(chosen.values())].float()
    shown = functional.interpolate(large, (THUMBNAIL, THUMBNAIL), mode="area").byte()
    sheet = torch.zeros(3, CELLS, THUMBNAIL, CELLS, THUMBNAIL, dtype=torch.uint8)
    for (row, column), picture in zip(chosen, shown, strict=True):
        sheet[:, row, :, column] = picture
    return sheet.reshape(3, CELLS * THUMBNAIL, CELLS * THUMBNAIL)


def _places(encodings: Tensor) -> Tensor:
    """Row and column of each, int64 [N, 2]: its principal components' ranks, in even steps."""
    centred = encodings - encodings.mean(0)
    directions = torch.linalg.svd(centred, full_matrices=False)[2][:2]
    ranks: Tensor = (centred @ directions.T).argsort(0).argsort(0)
    return ranks * CELLS // len(encodings)


_LARGEST_GRADIENT = 1.0
_REMEMBERED = 256
_SHOWN = 6


class DynamicsTrainer(TorchTrainer):
    """Trains `dynamics` on sequences of the newest experience.

    Pictures are encoded anew, so that what is foreseen are encodings as they are now. A sequence
    goes on from the state that the agent had at its first tick; where ticks are missing the state
    is forgotten, and nothing is foreseen across the gap.

    Records the metric `prediction_error` (mean squared error of an encoding's number), and the
    pictures `seen` (a map of what is remembered) and, where there is a decoder, `prediction`.
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
            learning_rate: Of Adam.
            sequences: Sequences in an update.
            length: Ticks in a sequence, 2 or more.
            min_buffer_size: Ticks to wait for before the first update.
            updates_per_run: Updates between two chances to pause, or to publish the weights.
            seed: Of the sequences drawn.
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
        # Not by get_training_model, which would have them synchronised after each training.
        models: dict[str, Any] = dict(self._training_models)
        self._encoder: Encodes = models["encoder"].model
        self._decoder: nn.Module | None = models["decoder"].model if "decoder" in models else None

    @override
    def on_data_users_attached(self) -> None:
        """Get the experience."""
        self._experience = self.get_data_user("experience")

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """One optimizer for the dynamics."""
        return {"adam": torch.optim.Adam(self._dynamics.model.parameters(), self._learning_rate)}

    @override
    def train(self) -> None:
        """Make one run's updates."""
        for _ in range(self._updates):
            drawn = self._experience.sample_sequences(self._sequences, self._length, self._random)
            loss = prediction_error(self._dynamics.model, self._encoder, drawn)
            self.optimizers["adam"].zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            parameters = self._dynamics.model.parameters()
            torch.nn.utils.clip_grad_norm_(parameters, _LARGEST_GRADIENT)
            self.optimizers["adam"].step()
            self.recorder.scalar("prediction_error", loss.item())
        self.recorder.image("seen", self._seen)
        if self._decoder is not None:
            self.recorder.image("prediction", self._prediction)

    @torch.no_grad()
    def _seen(self) -> Tensor:
        pictures = self._experience.sample(_REMEMBERED, self._shown)["picture"]
        return seen_map(pictures, self._encoder.encode(to_unit(pictures)))

    @torch.no_grad()
    def _prediction(self) -> Tensor:
        """The newest pictures, each above what was foreseen of it."""
        assert self._decoder is not None
        steps = self._experience.newest(self._length)
        ahead = {name: part[None] for name, part in steps.items()}
        predicted = predictions(self._dynamics.model, self._encoder, ahead)[0]
        foreseen = self._decoder(predicted[-_SHOWN:])
        came = to_unit(steps["picture"][-_SHOWN:])
        return to_bytes(torch.cat([torch.cat(list(part), 2) for part in (came, foreseen)], 1))


def prediction_error(
    dynamics: ForwardDynamics, encoder: Encodes, sequences: Mapping[str, Tensor]
) -> Tensor:
    """How wrong the dynamics are along sequences of experience.

    Args:
        dynamics: What predicts.
        encoder: What pictures are encoded by; gradients don't flow into it.
        sequences: Stacked steps of the buffer `experience`, [B, L, ...].

    Returns:
        The mean squared error of an encoding's number, a scalar.
    """
    encodings = encoded(encoder, sequences["picture"])
    follows = _follows(sequences["tick"])
    predicted = _along(dynamics, encodings, follows, sequences)
    errors: Tensor = (predicted - encodings[:, 1:]).square().mean(2)
    return (errors * follows).sum() / follows.sum().clamp(min=1.0)


def predictions(
    dynamics: ForwardDynamics, encoder: Encodes, sequences: Mapping[str, Tensor]
) -> Tensor:
    """What the dynamics say of each tick but the first, [B, L - 1, encoding_size]."""
    encodings = encoded(encoder, sequences["picture"])
    return _along(dynamics, encodings, _follows(sequences["tick"]), sequences)


@torch.no_grad()
def encoded(encoder: Encodes, pictures: Tensor) -> Tensor:
    """Encodings [B, L, size] of pictures, uint8 [B, L, 3, height, width]."""
    flat = encoder.encode(to_unit(pictures.flatten(0, 1)))
    return flat.reshape(*pictures.shape[:2], -1)


def _follows(ticks: Tensor) -> Tensor:
    return (ticks.diff(dim=1) == 1).float()


def _along(
    dynamics: ForwardDynamics, encodings: Tensor, follows: Tensor, sequences: Mapping[str, Tensor]
) -> Tensor:
    # The state after a gap is that of a new beginning.
    keep = torch.cat([torch.ones_like(follows[:, :1]), follows[:, :-1]], 1)
    actions, state = sequences["action"][:, :-1], sequences["state"][:, 0]
    predicted: Tensor = dynamics(encodings[:, :-1], actions, state, keep)[0]
    return predicted
