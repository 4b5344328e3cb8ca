"""PatchEncoder: encodes a picture patch by patch, learnt without giving pictures back.

A joint-embedding predictive architecture, I-JEPA (Assran et al. 2023, arXiv:2301.08243): what a
predictor says of the patches that were hidden, from those that were shown, is to be what a slowly
following copy of the encoder says of them, which has seen the whole picture.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from pamiq_ros.systems.vae.networks import to_unit

_HEAD_WIDTH = 16


class PatchEncoder(nn.Module):
    """A small vision transformer (Dosovitskiy et al. 2021); an encoding is a view of all patches.

    Args:
        side: Rows and columns of a picture, a multiple of `patch`.
        patch: Rows and columns of a patch.
        width: Numbers of a patch between the layers, a multiple of 16.
        layers: How many layers.
        encoding_size: Numbers in an encoding.

    Attributes:
        count: Patches of a picture.
    """

    def __init__(self, side: int, patch: int, width: int, layers: int, encoding_size: int) -> None:
        super().__init__()
        self.count = (side // patch) ** 2
        self.split = nn.Conv2d(3, width, patch, stride=patch)
        self.places = nn.Parameter(torch.randn(self.count, width) * 0.02)
        self.layers = nn.ModuleList(transformer_layer(width) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        # Fixed and random, as in Johnson & Lindenstrauss 1984: distances stay, and so nothing can
        # be gained by making it easy to foresee.
        view = torch.randn(self.count * width, encoding_size) / (self.count * width) ** 0.5
        self.register_buffer("view", view)

    def patches(self, pictures: Tensor, shown: Tensor | None = None) -> Tensor:
        """Encode patches.

        Args:
            pictures: float32 [N, 3, side, side] in [0, 1].
            shown: Numbers of the patches that are seen, int64 [N, M]; None: all of them.

        Returns:
            float32 [N, M, width].
        """
        found = self.split(pictures - 0.5).flatten(2).transpose(1, 2) + self.places
        if shown is not None:
            found = found.gather(1, shown.unsqueeze(2).expand(-1, -1, found.shape[2]))
        for layer in self.layers:
            found = layer(found)
        normed: Tensor = self.norm(found)
        return normed

    def encode(self, pictures: Tensor) -> Tensor:
        """Encodings [N, encoding_size] of pictures, float32 [N, 3, side, side] in [0, 1]."""
        view: Tensor = self.view  # type: ignore[assignment]
        return self.patches(pictures).flatten(1) @ view

    def forward(self, pictures: Tensor) -> Tensor:
        """The same as `encode`."""
        return self.encode(pictures)

    def latent(self, picture: Tensor) -> Tensor:
        """The encoding of a camera's picture, uint8 [3, side, side]."""
        return self.encode(to_unit(picture).unsqueeze(0))[0]


class PatchPredictor(nn.Module):
    """Says of hidden patches what the encoder would say of them.

    Args:
        count: Patches of a picture.
        width: Numbers of a patch.
        layers: How many layers.
    """

    def __init__(self, count: int, width: int, layers: int) -> None:
        super().__init__()
        self.places = nn.Parameter(torch.randn(count, width) * 0.02)
        self.unknown = nn.Parameter(torch.zeros(width))
        self.layers = nn.ModuleList(transformer_layer(width) for _ in range(layers))
        self.leave = nn.Linear(width, width)

    def forward(self, seen: Tensor, shown: Tensor, hidden: Tensor) -> Tensor:
        """Predict.

        Args:
            seen: float32 [N, M, width], the patches that were shown, encoded.
            shown: Their numbers, int64 [N, M].
            hidden: Numbers of the patches wanted, int64 [N, K].

        Returns:
            float32 [N, K, width].
        """
        found = torch.cat([seen + self.places[shown], self.unknown + self.places[hidden]], 1)
        for layer in self.layers:
            found = layer(found)
        predicted: Tensor = self.leave(found[:, seen.shape[1] :])
        return predicted


def transformer_layer(width: int) -> nn.TransformerEncoderLayer:
    """One layer: attention and a small network, each after a normalisation."""
    return nn.TransformerEncoderLayer(
        width,
        max(1, width // _HEAD_WIDTH),
        2 * width,
        dropout=0.0,
        activation="gelu",
        batch_first=True,
        norm_first=True,
    )
