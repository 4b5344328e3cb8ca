"""Encodings: what encoders of either kind have in common."""

from __future__ import annotations

from typing import Protocol

from torch import Tensor
from typing_extensions import override

from pamiq_ros.systems.vae.networks import Encoder, to_unit


class Encodes(Protocol):
    """An encoder."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Encodings [N, size] of pictures, float32 [N, 3, height, width] in [0, 1]."""


class ConvEncoder(Encoder):
    """The encoder of a variational autoencoder; an encoding is the mean of its latents."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Encodings [N, latent_size] of pictures, float32 [N, 3, height, width] in [0, 1]."""
        mean, _ = self(pictures)
        return mean  # type: ignore[no-any-return]

    @override
    def latent(self, picture: Tensor) -> Tensor:
        """The encoding [latent_size] of a camera's picture, uint8 [3, height, width]."""
        return self.encode(to_unit(picture).unsqueeze(0))[0]
