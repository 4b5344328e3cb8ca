"""VAEAgent: drives at random and collects pictures."""

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
    """An Ornstein-Uhlenbeck process, each number within its own limits.

    The process (Uhlenbeck & Ornstein 1930, doi:10.1103/PhysRev.36.823) is pulled to the middle of
    the limits, where it begins; the limits are two standard deviations from there, and a value that
    would pass one stays at it.
    """

    def __init__(
        self,
        low: Sequence[float],
        high: Sequence[float],
        correlation_time: float,
        period: float,
        seed: int,
    ) -> None:
        """Make a walk; walks of the same arguments are the same.

        Args:
            low: Smallest value of each number.
            high: Largest value of each number.
            correlation_time: Time in s after which 1/e of a deviation from the middle is left.
            period: Time between two steps in s.
            seed: Of the random numbers.
        """
        self._low, self._high = torch.tensor(low), torch.tensor(high)
        self._keep = math.exp(-period / correlation_time)
        self._state = torch.zeros(len(low))
        self._random = torch.Generator().manual_seed(seed)

    def step(self) -> Tensor:
        """The next values, float32 [len(low)]."""
        noise = torch.randn(self._state.shape, generator=self._random)
        # Exact for any period: the spread of the values does not depend on how often they are made.
        spread = _DEVIATION * math.sqrt(1.0 - self._keep**2)
        self._state = (self._keep * self._state + spread * noise).clamp(-1.0, 1.0)
        return torch.lerp(self._low, self._high, (self._state + 1.0) / 2.0)


class ExplorationAgent(TorchAgent[Tensor, Tensor]):
    """Collects every picture and commands the next step of a random walk.

    Attributes:
        latent: Latent of the newest picture, float32 [latent_size]; None before the first. The
            walk does not heed it: it is there to be looked at, or for a subclass to act on.
    """

    latent: Tensor | None = None

    def __init__(self, walk: SmoothRandomWalk) -> None:
        """Drive by `walk`."""
        super().__init__()
        self._walk = walk

    @override
    def on_inference_models_attached(self) -> None:
        """Get the encoder."""
        self._encoder = self.get_torch_inference_model("encoder", Encoder)

    @override
    def on_data_collectors_attached(self) -> None:
        """Get the collector of pictures."""
        self._frames = self.get_data_collector("frames")

    @override
    def step(self, observation: Tensor) -> Tensor:
        """Look and drive on.

        Args:
            observation: A picture, uint8 [3, height, width].

        Returns:
            linear.x in m/s and angular.z in rad/s, float32 [2].
        """
        self._frames.collect(observation)
        self.latent = self._encoder(observation)
        return self._walk.step()
