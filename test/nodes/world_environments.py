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

"""Environments for the world node's tests, imported by the node's process."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces


class Echo(gymnasium.Env[Any, Any]):
    """Observes the last action; breaks, ends or has no rate when asked."""

    metadata = {"render_modes": [], "render_fps": 50}

    def __init__(self, length: int = 0, breaks: bool = False) -> None:
        self.observation_space = spaces.Box(-1, 1, (2,), np.float32)
        self.action_space = spaces.Box(-1, 1, (2,), np.float32)
        self.length, self.breaks, self.count = length, breaks, 0

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.count = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        if self.breaks:
            raise RuntimeError("a wheel fell off")
        self.count += 1
        return action, 0.25, self.count == self.length, False, {}


class NoRate(Echo):
    """Does not say how fast it is."""

    metadata = {"render_modes": []}


gymnasium.register("Echo-v0", Echo)
gymnasium.register("NoRate-v0", NoRate)
