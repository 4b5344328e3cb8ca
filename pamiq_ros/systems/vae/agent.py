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

"""ExplorationAgent: drives a random walk and collects images."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from typing_extensions import override

from pamiq_ros.core import TorchAgent

from .networks import Encoder

_DEVIATION = 0.5


class SmoothRandomWalk:
    """An Ornstein-Uhlenbeck process in which each value stays within its own limits.

    The process (Uhlenbeck & Ornstein 1930, doi:10.1103/PhysRev.36.823) starts at the middle of the
    limits and is pulled back to it. The limits are two standard deviations from the middle; values
    beyond them are clipped.
    """

    def __init__(
        self,
        low: Sequence[float],
        high: Sequence[float],
        correlation_time: float,
        period: float,
        seed: int,
    ) -> None:
        """Make a walk; equal arguments give equal walks.

        Args:
            low: Lower limit of each value.
            high: Upper limit of each value.
            correlation_time: Time in s in which a deviation from the middle decays to 1/e.
            period: Time between two steps in s.
            seed: Seed of the noise.
        """
        self._low, self._high = torch.tensor(low), torch.tensor(high)
        self._keep = math.exp(-period / correlation_time)
        self._state = torch.zeros(len(low))
        self._random = torch.Generator().manual_seed(seed)

    def step(self) -> Tensor:
        """Return the next values, float32 [len(low)]."""
        noise = torch.randn(self._state.shape, generator=self._random)
        # The exact update for any period: the stationary deviation does not depend on the period.
        spread = _DEVIATION * math.sqrt(1.0 - self._keep**2)
        self._state = (self._keep * self._state + spread * noise).clamp(-1.0, 1.0)
        return torch.lerp(self._low, self._high, (self._state + 1.0) / 2.0)


class ExplorationAgent(TorchAgent[Tensor, Tensor]):
    """Collects every image and commands the next step of a random walk.

    Attributes:
        latent: Latent of the newest image, float32 [latent_size]; None before the first. The walk
            does not use it. A subclass can act on it.
    """

    latent: Tensor | None = None

    def __init__(self, walk: SmoothRandomWalk) -> None:
        """Drive along `walk`."""
        super().__init__()
        self._walk = walk

    @override
    def on_inference_models_attached(self) -> None:
        """Get the encoder."""
        self._encoder = self.get_torch_inference_model("encoder", Encoder)

    @override
    def on_data_collectors_attached(self) -> None:
        """Get the collector of images."""
        self._frames = self.get_data_collector("frames")

    @override
    def step(self, observation: Tensor) -> Tensor:
        """Encode the image and return the next command.

        Args:
            observation: An image, uint8 [3, height, width].

        Returns:
            linear.x in m/s and angular.z in rad/s, float32 [2].
        """
        self._frames.collect(observation)
        self.latent = self._encoder(observation)
        return self._walk.step()
