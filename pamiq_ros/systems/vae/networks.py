"""The two networks of a convolutional variational autoencoder (Kingma & Welling 2014).

The encoder turns a picture into a normal distribution over latents, the decoder turns a latent into
a picture. Each stage of either halves or doubles height and width (arXiv:1312.6114).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

_COLOURS = 3
_SLOPE = 0.1  # of the leaky rectifiers below zero
_LOG_VARIANCE_LIMIT = 10.0


def to_unit(pictures: Tensor) -> Tensor:
    """Pictures as networks take them: uint8 of any shape to float32 in [0, 1]."""
    return pictures.to(torch.float32) / 255.0


def to_bytes(pictures: Tensor) -> Tensor:
    """Pictures as screens take them: float32 in [0, 1] of any shape to uint8."""
    return (pictures * 255.0).round().to(torch.uint8)


class Encoder(nn.Module):
    """Pictures to the means and logarithms of variances of their latents."""

    def __init__(self, height: int, width: int, channels: Sequence[int], latent_size: int) -> None:
        """Make an encoder.

        Args:
            height: Rows of a picture, a multiple of 2 ** len(channels).
            width: Columns of a picture, likewise.
            channels: Feature maps after each stage.
            latent_size: Numbers in a latent.
        """
        super().__init__()
        stages: list[nn.Module] = []
        for before, after in pairwise((_COLOURS, *channels)):
            stages += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        rows, columns = _coarsest(height, width, channels)
        self.features = nn.Sequential(*stages, nn.Flatten())
        self.head = nn.Linear(channels[-1] * rows * columns, 2 * latent_size)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Encode.

        Args:
            pictures: float32 [N, 3, height, width] in [0, 1].

        Returns:
            Means and logarithms of variances, both [N, latent_size].
        """
        mean, log_variance = self.head(self.features(pictures)).chunk(2, dim=1)
        # One strange picture must not make exp() overflow and end days of training.
        return mean, log_variance.clamp(-_LOG_VARIANCE_LIMIT, _LOG_VARIANCE_LIMIT)

    def latent(self, picture: Tensor) -> Tensor:
        """The mean latent [latent_size] of a camera's picture, uint8 [3, height, width]."""
        mean, _ = self(to_unit(picture).unsqueeze(0))
        return torch.as_tensor(mean[0])


class Decoder(nn.Module):
    """Latents to pictures: the encoder's stages in reverse."""

    def __init__(self, height: int, width: int, channels: Sequence[int], latent_size: int) -> None:
        """Make the decoder of an encoder with the same arguments."""
        super().__init__()
        rows, columns = _coarsest(height, width, channels)
        stages: list[nn.Module] = []
        for before, after in pairwise((*reversed(channels), _COLOURS)):
            stages += [
                nn.LeakyReLU(_SLOPE),
                nn.ConvTranspose2d(before, after, 4, stride=2, padding=1),
            ]
        self.stages = nn.Sequential(
            nn.Linear(latent_size, channels[-1] * rows * columns),
            nn.Unflatten(1, (channels[-1], rows, columns)),
            *stages,
            nn.Sigmoid(),
        )

    def forward(self, latents: Tensor) -> Tensor:
        """Decode [N, latent_size] to float32 [N, 3, height, width] in [0, 1]."""
        return torch.as_tensor(self.stages(latents))


def _coarsest(height: int, width: int, channels: Sequence[int]) -> tuple[int, int]:
    """Rows and columns of the last stage's feature maps."""
    factor = 2 ** len(channels)
    return height // factor, width // factor
