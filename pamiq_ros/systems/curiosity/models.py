"""The models of curiosity, and their sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from torch import Tensor, nn
from typing_extensions import override

from pamiq_ros.core import TorchTrainingModel
from pamiq_ros.core.seeding import seeded
from pamiq_ros.systems.ppo.distributions import ActionDistribution
from pamiq_ros.systems.ppo.networks import ActorCritic
from pamiq_ros.systems.vae.networks import Decoder, Encoder, to_unit

from .dynamics import ForwardDynamics
from .patches import PatchEncoder, PatchPredictor


class Encodes(Protocol):
    """An encoder."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Encodings [N, size] of pictures, float32 [N, 3, height, width] in [0, 1]."""


class ConvEncoder(Encoder):
    """The encoder of a variational autoencoder; an encoding is the mean of its latents."""

    def encode(self, pictures: Tensor) -> Tensor:
        """Encodings [N, latent_size] of pictures, float32 [N, 3, height, width] in [0, 1]."""
        mean, _ = self(pictures)
        return mean  # type: ignore[no-any-return]

    @override
    def latent(self, picture: Tensor) -> Tensor:
        """The encoding [latent_size] of a camera's picture, uint8 [3, height, width]."""
        return self.encode(to_unit(picture).unsqueeze(0))[0]


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


T = TypeVar("T", bound=nn.Module)
Factories = dict[str, Callable[[], TorchTrainingModel[Any]]]
_PREDICTOR_LAYERS = 2


def encoder_models(kind: str, size: Size, seed: int) -> Factories:
    """The models that learn to see: `encoder` and those that it is trained with.

    Args:
        kind: `conv` or `patches`.
        size: How large.
        seed: Of the first weights.
    """
    if kind == "conv":
        sizes = (size.side, size.side, size.channels, size.encoding)
        return {
            "encoder": lambda: _model(seed, lambda: ConvEncoder(*sizes), "latent"),
            "decoder": lambda: _model(seed, lambda: Decoder(*sizes)),
        }

    def patches() -> PatchEncoder:
        return PatchEncoder(
            size.side, size.patch, size.patch_width, size.patch_layers, size.encoding
        )

    count = (size.side // size.patch) ** 2
    return {
        "encoder": lambda: _model(seed, patches, "latent"),
        "learner": lambda: _model(seed, patches),
        "predictor": lambda: _model(
            seed, lambda: PatchPredictor(count, size.patch_width, _PREDICTOR_LAYERS)
        ),
    }


def dynamics_of(kind: str, size: Size, actions: int) -> ForwardDynamics:
    """The forward dynamics, with weights by torch's generator."""
    return ForwardDynamics(size.encoding, actions, size.width, size.layers, kind)


def mind_models(
    dynamics: str, size: Size, distribution: ActionDistribution, log_std: float, seed: int
) -> Factories:
    """The models that foresee and act: `dynamics` and `policy`.

    Args:
        dynamics: Kind of the forward dynamics.
        size: How large.
        distribution: Of the actions.
        log_std: Logarithm of the deviation of continuous actions at first.
        seed: Of the first weights.
    """

    def foresee() -> ForwardDynamics:
        return dynamics_of(dynamics, size, distribution.size)

    def act() -> ActorCritic:
        layers, width = foresee().state_shape
        return ActorCritic(size.encoding + layers * width, distribution, size.policy, log_std)

    return {
        "dynamics": lambda: _model(seed, foresee, "step"),
        "policy": lambda: _model(seed, act, "parameters_of"),
    }


def _model(
    seed: int, make: Callable[[], T], inference_procedure: str = ""
) -> TorchTrainingModel[T]:
    module = seeded(seed, make)
    if not inference_procedure:
        return TorchTrainingModel(module, has_inference_model=False)
    return TorchTrainingModel(module, inference_procedure=inference_procedure)
