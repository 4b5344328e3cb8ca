"""Sizes: how large the networks are, from a Raspberry Pi to a workstation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """The networks of one agent.

    Attributes:
        side: Rows and columns of a picture.
        channels: Feature maps after each stage of the convolutional encoder.
        encoding: Numbers in an encoding.
        patch: Rows and columns of a patch of the patch encoder.
        patch_width: Numbers of each patch between the patch encoder's layers.
        patch_layers: Layers of the patch encoder.
        width: Numbers between the layers of the dynamics.
        layers: Layers of the dynamics.
        policy: Hidden layers of policy and critic.
        pictures: Pictures in an update of the encoder.
        sequences: Sequences in an update of the dynamics.
        length: Ticks in each.
    """

    side: int
    channels: tuple[int, ...]
    encoding: int
    patch: int
    patch_width: int
    patch_layers: int
    width: int
    layers: int
    policy: tuple[int, ...]
    pictures: int
    sequences: int
    length: int


SIZES = {
    "tiny": Size(64, (8, 16, 32, 32), 32, 16, 48, 2, 64, 1, (64, 64), 16, 4, 16),
    "small": Size(96, (16, 32, 64, 64), 64, 16, 96, 3, 128, 2, (128, 128), 16, 8, 16),
    "medium": Size(128, (32, 64, 128, 128), 128, 16, 192, 4, 256, 3, (256, 256), 32, 8, 32),
    "large": Size(128, (64, 128, 256, 256), 256, 16, 384, 6, 512, 4, (512, 512), 32, 16, 32),
}
