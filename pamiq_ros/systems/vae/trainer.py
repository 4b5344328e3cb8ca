"""Trainers on pictures, and the VAE trainer."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from pamiq_ros.core import OptimizersSetup, TorchTrainer

from .networks import Decoder, Encoder, to_bytes, to_unit


class PictureTrainer(TorchTrainer):
    """Draws pictures from the buffer `frames`, again and again; what is learnt of them is open."""

    def __init__(
        self,
        *,
        learning_rate: float,
        batch_size: int,
        min_buffer_size: int,
        updates_per_run: int,
        seed: int,
    ) -> None:
        """Make a trainer.

        Args:
            learning_rate: Of the optimizer.
            batch_size: Pictures in an update.
            min_buffer_size: Pictures to wait for before the first update.
            updates_per_run: Updates between two chances to pause, or to publish the weights.
            seed: Of the pictures and whatever else is drawn.
        """
        super().__init__("frames", min_buffer_size)
        self._learning_rate, self._batch_size = learning_rate, batch_size
        self._updates_per_run = updates_per_run
        self._random = torch.Generator().manual_seed(seed)
        self._shown = torch.Generator().manual_seed(seed)

    @override
    def on_data_users_attached(self) -> None:
        """Get the pictures."""
        self._frames = self.get_data_user("frames")

    @override
    def train(self) -> None:
        """Make one run's updates."""
        for _ in range(self._updates_per_run):
            self._update(to_unit(self._frames.sample(self._batch_size, self._random)))

    @abstractmethod
    def _update(self, pictures: Tensor) -> None:
        """Learn from float32 [batch_size, 3, height, width] in [0, 1]."""


_SHOWN = 4
_GAP = 4


class VAETrainer(PictureTrainer):
    """Trains encoder and decoder on pictures drawn from everything seen so far.

    Records the metrics `reconstruction_loss` (mean squared error per pixel value, of values in
    [0, 1]) and `kl_loss` (nats per picture), and the picture `reconstruction`.
    """

    def __init__(
        self,
        *,
        learning_rate: float,
        beta: float,
        batch_size: int,
        min_buffer_size: int,
        updates_per_run: int,
        seed: int,
    ) -> None:
        """Make a trainer.

        Args:
            learning_rate: Of Adam.
            beta: Weight of the divergence (nats per picture) against the squared error summed over
                a picture, as in the beta-VAE (Higgins et al. 2017).
            batch_size: Pictures in an update.
            min_buffer_size: Pictures to wait for before the first update.
            updates_per_run: Updates between two chances to pause, or to publish the weights.
            seed: Of the pictures drawn and of the latents' noise.
        """
        super().__init__(
            learning_rate=learning_rate,
            batch_size=batch_size,
            min_buffer_size=min_buffer_size,
            updates_per_run=updates_per_run,
            seed=seed,
        )
        self._beta = beta

    @override
    def on_training_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_torch_training_model("encoder", Encoder)
        self._decoder = self.get_torch_training_model("decoder", Decoder)

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """One optimizer for both models."""
        parameters = [*self._encoder.model.parameters(), *self._decoder.model.parameters()]
        return {"vae": torch.optim.Adam(parameters, lr=self._learning_rate)}

    @override
    def train(self) -> None:
        """Make one run's updates."""
        super().train()
        self.recorder.image("reconstruction", self._picture)

    @override
    def _update(self, pictures: Tensor) -> None:
        mean, log_variance = self._encoder(pictures)
        noise = torch.randn(mean.shape, generator=self._random)
        reconstructions = self._decoder(mean + noise * torch.exp(0.5 * log_variance))

        reconstruction_loss = functional.mse_loss(reconstructions, pictures)
        kl_loss = divergence(mean, log_variance)
        loss = reconstruction_loss + self._beta * kl_loss / pictures[0].numel()

        self.optimizers["vae"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizers["vae"].step()

        self.recorder.scalar("reconstruction_loss", reconstruction_loss.item())
        self.recorder.scalar("kl_loss", kl_loss.item())

    @torch.no_grad()
    def _picture(self) -> Tensor:
        pictures = to_unit(self._frames.sample(_SHOWN, self._shown))
        mean, _ = self._encoder(pictures)
        return side_by_side(pictures, self._decoder(mean))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the latents' distributions from the standard normal one.

    Args:
        mean: [N, latent_size].
        log_variance: [N, latent_size].

    Returns:
        Nats per picture, the mean over the batch; a scalar.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()


def side_by_side(pictures: Tensor, reconstructions: Tensor) -> Tensor:
    """One picture of several: each input with its reconstruction to its right.

    Args:
        pictures: float32 [N, 3, H, W] in [0, 1].
        reconstructions: Likewise.

    Returns:
        uint8 [3, H, N * (2 * W + gap) - gap], white in the gaps between the pairs.
    """
    pairs = torch.cat([pictures, reconstructions], dim=3)
    row = torch.cat(list(functional.pad(pairs, (0, _GAP), value=1.0)), dim=2)
    return to_bytes(row[:, :, :-_GAP])
