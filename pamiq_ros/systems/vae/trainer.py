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

"""The trainer of the VAE, the base class of trainers on images, and the VAE's evaluator."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

from pamiq_ros.core import Evaluator, OptimizersSetup, TorchTrainer

from .networks import Decoder, Encoder, to_bytes, to_unit

_SHOWN = 4
_GAP = 4


@dataclass(frozen=True)
class ImageTraining:
    """How a trainer learns from images.

    Attributes:
        learning_rate: Learning rate of the optimizer.
        batch_size: Images per update.
        min_buffer_size: Images to wait for before the first update.
        updates_per_run: Updates per training round; weights are published after each round.
        seed: Seed of the sampled images and of other random numbers.
    """

    learning_rate: float
    batch_size: int
    min_buffer_size: int
    updates_per_run: int
    seed: int


class ImageTrainer(TorchTrainer):
    """Base class of trainers that sample batches of images from the buffer `frames`."""

    def __init__(self, training: ImageTraining) -> None:
        super().__init__("frames", training.min_buffer_size)
        self._training = training
        self._random = torch.Generator().manual_seed(training.seed)
        self._shown = torch.Generator().manual_seed(training.seed)

    @override
    def on_data_users_attached(self) -> None:
        """Get the buffer of images."""
        self._frames = self.get_data_user("frames")

    @override
    def train(self) -> None:
        """Make the updates of one training round."""
        for _ in range(self._training.updates_per_run):
            self._update(to_unit(self._frames.sample(self._training.batch_size, self._random)))

    @abstractmethod
    def _update(self, images: Tensor) -> None:
        """Make one update on float32 [batch_size, 3, height, width] in [0, 1]."""


class VAETrainer(ImageTrainer):
    """Trains encoder and decoder on images sampled from all ages.

    Records the metrics `reconstruction_loss` (mean squared error per pixel value, of values in
    [0, 1]) and `kl_loss` (nats per image), and the image `reconstruction`.

    Args:
        training: How it learns from images.
        beta: Weight of the KL divergence (nats per image) against the squared error summed over an
            image, as in the beta-VAE (Higgins et al. 2017).
    """

    def __init__(self, training: ImageTraining, beta: float) -> None:
        super().__init__(training)
        self._beta = beta

    @override
    def on_training_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_torch_training_model("encoder", Encoder)
        self._decoder = self.get_torch_training_model("decoder", Decoder)

    @override
    def create_optimizers(self) -> OptimizersSetup:
        """Create one optimizer for both models."""
        parameters = [*self._encoder.model.parameters(), *self._decoder.model.parameters()]
        return {"vae": torch.optim.Adam(parameters, lr=self._training.learning_rate)}

    @override
    def train(self) -> None:
        """Make the updates of one training round."""
        super().train()
        self.recorder.image("reconstruction", self._picture)

    @override
    def _update(self, images: Tensor) -> None:
        mean, log_variance = self._encoder(images)
        noise = torch.randn(mean.shape, generator=self._random)
        reconstructions = self._decoder(mean + noise * torch.exp(0.5 * log_variance))

        reconstruction_loss = functional.mse_loss(reconstructions, images)
        kl_loss = divergence(mean, log_variance)
        loss = reconstruction_loss + self._beta * kl_loss / images[0].numel()

        self.optimizers["vae"].zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimizers["vae"].step()

        self.recorder.scalar("reconstruction_loss", reconstruction_loss.item())
        self.recorder.scalar("kl_loss", kl_loss.item())

    @torch.no_grad()
    def _picture(self) -> Tensor:
        images = to_unit(self._frames.sample(_SHOWN, self._shown))
        mean, _ = self._encoder(images)
        return side_by_side(images, self._decoder(mean))


def divergence(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the KL divergence of the latents' distributions from the standard normal one.

    Args:
        mean: [N, latent_size].
        log_variance: [N, latent_size].

    Returns:
        Nats per image, the mean over the batch; a scalar.
    """
    return 0.5 * (mean.square() + log_variance.exp() - 1.0 - log_variance).sum(1).mean()


def side_by_side(images: Tensor, reconstructions: Tensor) -> Tensor:
    """Return one image that shows each input with its reconstruction to its right.

    Args:
        images: float32 [N, 3, H, W] in [0, 1].
        reconstructions: float32 of the same shape.

    Returns:
        uint8 [3, H, N * (2 * W + gap) - gap], white in the gaps between the pairs.
    """
    pairs = torch.cat([images, reconstructions], dim=3)
    row = torch.cat(list(functional.pad(pairs, (0, _GAP), value=1.0)), dim=2)
    return to_bytes(row[:, :, :-_GAP])


class ReconstructionEvaluator(Evaluator):
    """Reports `reconstruction_error`: mean squared error per pixel value, of values in [0, 1]."""

    def __init__(self) -> None:
        """Evaluate the images that the agent collects."""
        super().__init__("frames")

    @override
    def on_training_models_attached(self) -> None:
        """Get the models."""
        self._encoder = self.get_training_model("encoder")
        self._decoder = self.get_training_model("decoder")

    @override
    def evaluate(self, step: Tensor) -> Mapping[str, float]:
        """Return the error of an image, uint8 [3, height, width]."""
        image, reconstruction = self._reconstruct(step)
        return {"reconstruction_error": float((reconstruction - image).square().mean())}

    @override
    def picture(self, step: Tensor) -> Tensor:
        """Return the image with its reconstruction to its right."""
        return side_by_side(*self._reconstruct(step))

    @torch.no_grad()
    def _reconstruct(self, step: Tensor) -> tuple[Tensor, Tensor]:
        image = to_unit(step).unsqueeze(0)
        mean, _ = self._encoder(image)
        return image, self._decoder(mean)
