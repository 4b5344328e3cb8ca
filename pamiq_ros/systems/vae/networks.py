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

"""The networks of a convolutional variational autoencoder (Kingma & Welling 2014, arXiv:1312.6114).

The encoder maps an image to a normal distribution over latents. The decoder maps a latent to an
image. Each stage halves (encoder) or doubles (decoder) height and width.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from pamiq_ros.core.checks import check_ranges

_COLOURS = 3
_SLOPE = 0.1  # of the leaky rectifiers below zero
_LOG_VARIANCE_LIMIT = 10.0
_MOST_STAGES = 8
_MOST_CHANNELS = 1024
_SIDES = (8, 512)


def to_unit(images: Tensor) -> Tensor:
    """Convert images, uint8 of any shape, to float32 in [0, 1]."""
    return images.to(torch.float32, copy=True).div_(255.0)  # faster than a second new tensor


def to_bytes(images: Tensor) -> Tensor:
    """Convert images, float32 in [0, 1] of any shape, to uint8."""
    return (images * 255.0).round().to(torch.uint8)


class Encoder(nn.Module):
    """Maps images to the means and log variances of their latents."""

    def __init__(self, height: int, width: int, channels: Sequence[int], latent_size: int) -> None:
        """Make an encoder.

        Args:
            height: Rows of an image, a multiple of 2 ** len(channels).
            width: Columns of an image, likewise.
            channels: Feature maps after each stage.
            latent_size: Size of a latent.
        """
        super().__init__()
        stages: list[nn.Module] = []
        for before, after in pairwise((_COLOURS, *channels)):
            stages += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.LeakyReLU(_SLOPE)]
        rows, columns = _coarsest(height, width, channels)
        self.features = nn.Sequential(*stages, nn.Flatten())
        self.head = nn.Linear(channels[-1] * rows * columns, 2 * latent_size)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Encode images.

        Args:
            images: float32 [N, 3, height, width] in [0, 1].

        Returns:
            Means and log variances, both [N, latent_size].
        """
        mean, log_variance = self.head(self.features(images)).chunk(2, dim=1)
        # A single outlier image must not make exp() overflow and end days of training.
        return mean, log_variance.clamp(-_LOG_VARIANCE_LIMIT, _LOG_VARIANCE_LIMIT)

    def latent(self, image: Tensor) -> Tensor:
        """Return the mean latent [latent_size] of a camera image, uint8 [3, height, width]."""
        mean, _ = self(to_unit(image).unsqueeze(0))
        return torch.as_tensor(mean[0])


class Decoder(nn.Module):
    """Maps latents to images by the encoder's stages in reverse."""

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
    """Return rows and columns of the last stage's feature maps."""
    factor = 2 ** len(channels)
    return height // factor, width // factor


def check_sizes(height: int, width: int, channels: Sequence[int]) -> None:
    """Check the number of stages, and that each stage can halve height and width.

    Raises:
        ValueError: A size is not allowed; says what was expected and what was found.
    """
    if not 1 <= len(channels) <= _MOST_STAGES:
        raise ValueError(f"channels: expected 1 to {_MOST_STAGES} numbers, found {len(channels)}")
    for stage, maps in enumerate(channels):
        check_ranges(**{f"channels[{stage}]": (maps, 1, _MOST_CHANNELS)})
    factor = 2 ** len(channels)
    check_ranges(height=(height, *_SIDES), width=(width, *_SIDES))
    for name, side in (("height", height), ("width", width)):
        if side % factor:
            raise ValueError(
                f"{name}: expected a multiple of {factor}, since each of the {len(channels)} "
                f"stages in channels halves it, found {side}"
            )
