"""A map of what the robot has seen: pictures whose encodings are alike lie near each other."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

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
