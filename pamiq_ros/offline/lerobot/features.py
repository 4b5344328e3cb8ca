"""Features: what LeRobot calls each column of the experience, and how it is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor

from pamiq_ros.core.data import StepBatch

MAX_DIMENSIONS = 5
"""LeRobot has no arrays of more."""

# What every LeRobotDataset has, in the order in which its own are written.
INDEXES = {
    "timestamp": "float32",
    "frame_index": "int64",
    "episode_index": "int64",
    "index": "int64",
    "task_index": "int64",
}
# What ours have besides: nominal times are a multiple of 1 / fps.
RECORDED = {"stamp_ns": "int64", "weights_version": "int64"}


@dataclass(frozen=True)
class Feature:
    """One column of the experience.

    Attributes:
        key: LeRobot's name of it, such as `observation.images.front`.
        dtype: `video`, or the name of a numpy dtype.
        shape: Of one step; [H, W, 3] for a video, (1,) for a number.
        column: Which column of the batch it is.
    """

    key: str
    dtype: str
    shape: tuple[int, ...]
    column: int

    @property
    def is_video(self) -> bool:
        """Whether it is stored as a video."""
        return self.dtype == "video"

    def values(self, steps: StepBatch) -> NDArray[Any]:
        """Its values in a batch, [N, *shape]; a video's as uint8."""
        column = steps.columns[self.column]
        if self.is_video:
            return column.permute(0, 2, 3, 1).expand(-1, -1, -1, 3).contiguous().numpy()
        return _known(column).numpy().reshape(len(column), *self.shape)

    def info(self) -> dict[str, Any]:
        """What `meta/info.json` says of it, but for a video's encoding."""
        names = ["height", "width", "channels"] if self.is_video else None
        return {"dtype": self.dtype, "shape": list(self.shape), "names": names}


def features_of(steps: StepBatch, buffer: str) -> list[Feature]:
    """The features of a buffer's steps.

    Pictures, uint8 [3 or 1, H, W], are videos called `observation.images.<name>`; a step that is
    one vector is `observation.state`; the rest is called as in the step.

    Args:
        steps: Any of them.
        buffer: The buffer's name, by which a step that is one picture is called.

    Raises:
        ValueError: A column has too many dimensions or no values.
    """
    found: list[Feature] = []
    for index, (name, column) in enumerate(zip(steps.names, steps.columns, strict=True)):
        shape = tuple(column.shape[1:])
        if len(shape) > MAX_DIMENSIONS or 0 in shape:
            what = f"expected 1 to {MAX_DIMENSIONS} dimensions, none of them 0, found {list(shape)}"
            raise ValueError(f"'{buffer}', {name or 'step'}: {what}")
        if column.dtype == torch.uint8 and len(shape) == 3 and shape[0] in (1, 3):
            key = f"observation.images.{_plain(name or buffer)}"
            found.append(Feature(_new(key, found), "video", (*shape[1:], 3), index))
        else:
            key = _plain(name) or "observation.state"
            dtype = str(_known(column).numpy().dtype)
            found.append(Feature(_new(key, found), dtype, shape or (1,), index))
    return found


def _plain(name: str) -> str:
    """`action[0].speed` becomes `action.0.speed`; LeRobot allows no slash."""
    return re.sub(r"[^\w]+", ".", name).strip(".")


def _new(key: str, found: Sequence[Feature]) -> str:
    taken = {*INDEXES, *RECORDED, "task", *(feature.key for feature in found)}
    while key in taken:
        key = f"step.{key}"
    return key


def _known(column: Tensor) -> Tensor:
    """There is no bfloat16 in numpy, and Parquet's readers little of float16."""
    return column.float() if column.dtype in (torch.float16, torch.bfloat16) else column
