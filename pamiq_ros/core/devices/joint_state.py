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

"""JointStateTopic: sensor_msgs/JointState as an observation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from typing_extensions import override

from .checks import check_names
from .sensor import TopicSensor, Warn


@dataclass(eq=False)
class JointStateTopic(TopicSensor):
    """sensor_msgs/JointState: float32 [3, number of joints].

    The rows are position (rad or m), velocity (rad/s or m/s) and effort (N·m or N). What a robot
    does not measure (the field is empty, or NaN as ros2_control publishes it) is 0.

    Attributes:
        topic: Topic name.
        joints: Joint names, the order of the columns. A message without one of them is no
            observation.
    """

    message_type: ClassVar[str] = "sensor_msgs/msg/JointState"
    topic: str = "joint_states"
    joints: Sequence[str] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.joints = check_names(self, "joints", self.joints)

    @property
    @override
    def shape(self) -> tuple[int, ...]:
        return (3, len(self.joints))

    @override
    def decode(self, message: Any, warn: Warn) -> Tensor:
        columns = {name: index for index, name in enumerate(message.name)}
        for joint in self.joints:
            if joint not in columns:
                found = ", ".join(list(columns)[:20]) or "none"
                raise ValueError(f"joint '{joint}' is missing; the message has {found}")
        order = [columns[joint] for joint in self.joints]
        rows = [
            _joint_row(getattr(message, field), field, len(message.name), order)
            for field in ("position", "velocity", "effort")
        ]
        return torch.from_numpy(np.stack(rows))


def _joint_row(
    values: Sequence[float], field: str, joints: int, order: list[int]
) -> npt.NDArray[np.float32]:
    if len(values) == 0:
        return np.zeros(len(order), dtype=np.float32)
    if len(values) != joints:
        reason = f"{field}: expected {joints} numbers or none, found {len(values)}"
        raise ValueError(reason)
    row = np.array(values, dtype=np.float32)[order]
    row[np.isnan(row)] = 0.0
    if not np.isfinite(row).all():
        raise ValueError(f"{field}: expected finite numbers, found inf")
    return row
