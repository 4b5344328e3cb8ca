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

"""LaserScanTopic: sensor_msgs/LaserScan as an observation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from .checks import check_size
from .sensor import TopicSensor, Warn


@dataclass(eq=False)
class LaserScanTopic(TopicSensor):
    """Ranges of sensor_msgs/LaserScan: float32 [beams] in m, in the scan's own order.

    All are finite and between the message's range_min and range_max. Nothing in range (inf) is
    range_max, something too close (-inf) is range_min, as REP 117 has it. No measurement (NaN, or a
    number below range_min such as the 0 of many drivers) is range_max: most drivers mean that
    nothing was reflected.

    Attributes:
        topic: Topic name.
        beams: Ranges in an observation; a scan of more is reduced by the nearest of each group, one
            of fewer repeats them.
    """

    message_type: ClassVar[str] = "sensor_msgs/msg/LaserScan"
    topic: str = "scan"
    beams: int = 360

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "beams", self.beams)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (self.beams,)

    @override
    def decode(self, message: Any, warn: Warn) -> Tensor:
        nearest, farthest = float(message.range_min), float(message.range_max)
        if not (0.0 <= nearest < farthest < float("inf")):
            reason = f"expected 0 <= range_min < range_max, found {nearest} and {farthest}"
            raise ValueError(reason)
        found = np.array(message.ranges, dtype=np.float32)
        if len(found) == 0:
            raise ValueError(f"expected {self.beams} ranges, found none")
        ranges = np.clip(found, nearest, farthest)
        ranges[~(found >= nearest) & ~np.isneginf(found)] = farthest
        if len(ranges) != self.beams:
            warn(
                f"scans of {len(ranges)} beams arrive, the system expects {self.beams}: they are "
                "resampled"
            )
            ranges = _resample(ranges, self.beams)
        return torch.from_numpy(ranges)


def _resample(ranges: npt.NDArray[np.float32], beams: int) -> npt.NDArray[np.float32]:
    firsts = np.arange(beams) * len(ranges) // beams
    if len(ranges) < beams:
        return ranges[firsts]
    # The nearest of each group, so that a thin obstacle is not lost.
    return np.asarray(np.minimum.reduceat(ranges, firsts), dtype=np.float32)
