"""The models of a curious agent, made of a size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from torch import nn

from pamiq_ros.core import TorchTrainingModel
from pamiq_ros.core.seeding import seeded
from pamiq_ros.systems.ppo.distributions import ActionDistribution
from pamiq_ros.systems.ppo.networks import ActorCritic
from pamiq_ros.systems.vae.networks import Decoder

from .dynamics import ForwardDynamics
from .encoding import ConvEncoder
from .patches import PatchEncoder, PatchPredictor
from .sizes import Size

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
