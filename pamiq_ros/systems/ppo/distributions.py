"""Distributions of actions, and sampling an action from a policy.

An action as the policy draws it and as it is stored is `raw`; `action` makes of it what the robot
is told. Probabilities are those of `raw`, so that a bound costs nothing in them.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

_LOG_2PI = math.log(2.0 * math.pi)
_LOG_STD_RANGE = (-5.0, 2.0)


class ActionDistribution(ABC):
    """A family of distributions.

    Attributes:
        size: Numbers in an action.
        parameters: Numbers that a network gives for it.
    """

    size: int
    parameters: int

    @abstractmethod
    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Draw raw actions [N, size] for parameters [N, parameters]."""

    @abstractmethod
    def mode(self, parameters: Tensor) -> Tensor:
        """The likeliest raw actions [N, size]."""

    @abstractmethod
    def log_probability(self, parameters: Tensor, raw: Tensor) -> Tensor:
        """Logarithms of the probabilities (densities) of raw actions, [N]."""

    @abstractmethod
    def entropy(self, parameters: Tensor) -> Tensor:
        """Entropies in nats, [N]."""

    @abstractmethod
    def action(self, raw: Tensor) -> Tensor:
        """What raw actions [N, size] do, float32 [N, size] in [-1, 1]."""


class Gaussian(ActionDistribution):
    """Independent normal distributions, whose actions are squashed by tanh or clipped.

    Parameters are the means, then the logarithms of the deviations.

    Args:
        size: Numbers in an action.
        squash: `tanh`, or `clip`.

    Raises:
        ValueError: Another squash.
    """

    def __init__(self, size: int, squash: str = "tanh") -> None:
        if squash not in ("tanh", "clip"):
            raise ValueError(f"squash: expected tanh or clip, found {squash!r}")
        self.size, self.parameters = size, 2 * size
        self._squash = torch.tanh if squash == "tanh" else lambda raw: raw.clamp(-1.0, 1.0)

    @override
    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        mean, log_std = self._split(parameters)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        return mean + log_std.exp() * noise

    @override
    def mode(self, parameters: Tensor) -> Tensor:
        return self._split(parameters)[0]

    @override
    def log_probability(self, parameters: Tensor, raw: Tensor) -> Tensor:
        mean, log_std = self._split(parameters)
        scaled = (raw - mean) * torch.exp(-log_std)
        return -(0.5 * scaled.square() + log_std + 0.5 * _LOG_2PI).sum(1)

    @override
    def entropy(self, parameters: Tensor) -> Tensor:
        _, log_std = self._split(parameters)
        return (log_std + 0.5 * (1.0 + _LOG_2PI)).sum(1)

    @override
    def action(self, raw: Tensor) -> Tensor:
        return self._squash(raw)

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = parameters.chunk(2, dim=1)
        return mean, log_std.clamp(*_LOG_STD_RANGE)


class MultiDiscrete(ActionDistribution):
    """A choice for each number of an action.

    Parameters are the logits of the first number's choices, then of the next one's.

    Args:
        action_bins: How many there are for each number, 2 or more; their actions are evenly spaced
            from -1 to 1.

    Raises:
        ValueError: Fewer than two choices, or none at all.
    """

    def __init__(self, action_bins: Sequence[int]) -> None:
        if not action_bins or min(action_bins) < 2:
            raise ValueError(
                f"action_bins: expected 2 or more for each number, found {list(action_bins)}"
            )
        self.size, self.parameters = len(action_bins), sum(action_bins)
        self._bins = list(action_bins)
        self._last = torch.tensor(action_bins, dtype=torch.float32) - 1.0

    @override
    def sample(self, parameters: Tensor, generator: torch.Generator | None = None) -> Tensor:
        # The largest of the logits with noise of a Gumbel distribution (Gumbel 1954) each, which is
        # minus the logarithm of an exponential one: a third of the time of `torch.multinomial`.
        noise = torch.empty_like(parameters).exponential_(generator=generator).log_()
        return self.mode(parameters - noise)

    @override
    def mode(self, parameters: Tensor) -> Tensor:
        likeliest = [part.argmax(1) for part in torch.split(parameters, self._bins, dim=1)]
        return torch.stack(likeliest, 1).float()

    @override
    def log_probability(self, parameters: Tensor, raw: Tensor) -> Tensor:
        found = [
            functional.log_softmax(logits, 1).gather(1, chosen.long().unsqueeze(1)).squeeze(1)
            for logits, chosen in zip(
                torch.split(parameters, self._bins, dim=1), raw.unbind(1), strict=True
            )
        ]
        return torch.stack(found).sum(0)

    @override
    def entropy(self, parameters: Tensor) -> Tensor:
        found = []
        for logits in torch.split(parameters, self._bins, dim=1):
            logs = functional.log_softmax(logits, 1)
            found.append(-(logs.exp() * logs).sum(1))
        return torch.stack(found).sum(0)

    @override
    def action(self, raw: Tensor) -> Tensor:
        return 2.0 * raw / self._last.to(raw.device) - 1.0
