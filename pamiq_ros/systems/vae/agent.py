"""ExplorationAgent: drives at random, looks, and collects what it sees."""

from __future__ import annotations

from torch import Tensor
from typing_extensions import override

from pamiq_ros.core import TorchAgent

from .networks import Encoder
from .random_walk import SmoothRandomWalk


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
