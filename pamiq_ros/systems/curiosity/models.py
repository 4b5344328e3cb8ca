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

"""The models of curiosity and their sizes."""

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
from .jepa import PatchEncoder, PatchPredictor


class Encodes(Protocol):
    """An encoder of images."""

    def encode(self, images: Tensor) -> Tensor:
        """Return encodings [N, size] of images, float32 [N, 3, height, width] in [0, 1]."""


class ConvEncoder(Encoder):
    """The encoder of the VAE; an encoding is the mean of the latent."""

    def encode(self, images: Tensor) -> Tensor:
        """Return encodings [N, latent_size] of images, float32 [N, 3, height, width] in [0, 1]."""
        mean, _ = self(images)
        return mean  # type: ignore[no-any-return]

    @override
    def latent(self, image: Tensor) -> Tensor:
        """Return the encoding [latent_size] of a camera image, uint8 [3, height, width]."""
        return self.encode(to_unit(image).unsqueeze(0))[0]


@dataclass(frozen=True)
class Size:
    """Sizes of the networks and of their batches.

    Attributes:
        side: Rows and columns of an image.
        channels: Feature maps after each stage of the convolutional encoder.
        encoding: Size of an encoding.
        patch: Rows and columns of a patch of the patch encoder.
        patch_width: Width of the patch encoder's layers.
        patch_layers: Number of layers of the patch encoder.
        width: Width of the layers of the dynamics.
        layers: Number of layers of the dynamics.
        policy: Sizes of the hidden layers of policy and critic.
        images: Images per update of the encoder.
        sequences: Sequences per update of the dynamics.
        length: Ticks in each sequence.
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
    images: int
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
    """Return factories of `encoder` and of the models that are trained with it.

    Args:
        kind: `conv` or `patches`.
        size: Sizes of the networks.
        seed: Seed of the first weights.
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
    """Build the forward dynamics with weights from torch's global generator."""
    return ForwardDynamics(size.encoding, actions, size.width, size.layers, kind)


def mind_models(
    dynamics: str, size: Size, distribution: ActionDistribution, log_std: float, seed: int
) -> Factories:
    """Return factories of `dynamics` and `policy`.

    Args:
        dynamics: Kind of the forward dynamics.
        size: Sizes of the networks.
        distribution: Distribution of the actions.
        log_std: Initial log standard deviation of continuous actions.
        seed: Seed of the first weights.
    """

    def make_dynamics() -> ForwardDynamics:
        return dynamics_of(dynamics, size, distribution.size)

    def make_policy() -> ActorCritic:
        layers, width = make_dynamics().state_shape
        return ActorCritic(size.encoding + layers * width, distribution, size.policy, log_std)

    return {
        "dynamics": lambda: _model(seed, make_dynamics, "step"),
        "policy": lambda: _model(seed, make_policy, "parameters_at"),
    }


def _model(
    seed: int, make: Callable[[], T], inference_procedure: str = ""
) -> TorchTrainingModel[T]:
    module = seeded(seed, make)
    if not inference_procedure:
        return TorchTrainingModel(module, has_inference_model=False)
    return TorchTrainingModel(module, inference_procedure=inference_procedure)
