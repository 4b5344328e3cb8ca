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

"""Distributions of actions.

The agent samples one action per tick, in numpy: an operation on so few numbers takes a fifth of its
time in torch. The trainer needs the probabilities of a batch and their gradients, in torch.

A sampled action is recorded as it was sampled, `raw`; `action` squashes it into [-1, 1]. The
probabilities are those of `raw`, so squashing needs no correction.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional
from typing_extensions import override

Floats = npt.NDArray[np.float32]
"""float32 numbers of one action or of its distribution."""

_LOG_2PI = math.log(2.0 * math.pi)
_LOG_STD_RANGE = (-5.0, 2.0)


class ActionDistribution(ABC):
    """A family of distributions.

    Attributes:
        size: Numbers in an action.
        parameters: Numbers that describe a distribution, the output of a network.
    """

    size: int
    parameters: int

    @abstractmethod
    def sample(self, parameters: Floats, is_greedy: bool = False) -> tuple[Floats, float]:
        """Sample an action with numpy's global generator.

        Args:
            parameters: float32 [parameters].
            is_greedy: Whether to take the most likely action instead.

        Returns:
            The raw action, float32 [size], and the logarithm of its probability (density).
        """

    @abstractmethod
    def action(self, raw: Floats) -> Floats:
        """Return a raw action [size] as float32 [size] in [-1, 1]."""

    @abstractmethod
    def log_probability(self, parameters: Tensor, raw: Tensor) -> Tensor:
        """Return the logarithms of the probabilities of a batch of raw actions.

        Args:
            parameters: float32 [N, parameters].
            raw: float32 [N, size].

        Returns:
            float32 [N].
        """

    @abstractmethod
    def entropy(self, parameters: Tensor) -> Tensor:
        """Return the entropies in nats, [N], of distributions [N, parameters]."""


class Gaussian(ActionDistribution):
    """Independent normal distributions. Actions are squashed by tanh, or clipped.

    Parameters are the means, then the log standard deviations.

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
        self._is_tanh = squash == "tanh"

    @override
    def sample(self, parameters: Floats, is_greedy: bool = False) -> tuple[Floats, float]:
        mean = parameters[: self.size]
        log_std = parameters[self.size :].clip(*_LOG_STD_RANGE)
        noise = np.zeros(self.size) if is_greedy else np.random.standard_normal(self.size)
        log_density = -(0.5 * noise**2 + log_std + 0.5 * _LOG_2PI).sum()
        return (mean + np.exp(log_std) * noise).astype(np.float32), float(log_density)

    @override
    def action(self, raw: Floats) -> Floats:
        return np.tanh(raw) if self._is_tanh else raw.clip(-1.0, 1.0)

    @override
    def log_probability(self, parameters: Tensor, raw: Tensor) -> Tensor:
        mean, log_std = self._split(parameters)
        scaled = (raw - mean) * torch.exp(-log_std)
        return -(0.5 * scaled.square() + log_std + 0.5 * _LOG_2PI).sum(1)

    @override
    def entropy(self, parameters: Tensor) -> Tensor:
        _, log_std = self._split(parameters)
        return (log_std + 0.5 * (1.0 + _LOG_2PI)).sum(1)

    def _split(self, parameters: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_std = parameters.chunk(2, dim=1)
        return mean, log_std.clamp(*_LOG_STD_RANGE)


class MultiDiscrete(ActionDistribution):
    """One of several values for each number of an action. A raw action has the values' indices.

    Parameters are the logits of the first number's values, then of the next one's.

    Args:
        action_bins: How many values each number has, 2 or more; they are evenly spaced from -1
            to 1.

    Raises:
        ValueError: Fewer than two values, or no number at all.
    """

    def __init__(self, action_bins: Sequence[int]) -> None:
        if not action_bins or min(action_bins) < 2:
            raise ValueError(
                f"action_bins: expected 2 or more for each number, found {list(action_bins)}"
            )
        self.size, self.parameters = len(action_bins), sum(action_bins)
        self._bins = list(action_bins)
        ends = np.cumsum(action_bins).tolist()
        self._parts = [slice(end - bins, end) for end, bins in zip(ends, action_bins, strict=True)]
        self._half = np.array([(bins - 1) / 2 for bins in action_bins], np.float32)

    @override
    def sample(self, parameters: Floats, is_greedy: bool = False) -> tuple[Floats, float]:
        # The Gumbel-max trick (Gumbel 1954): the largest of the logits, each with Gumbel noise,
        # which is minus the logarithm of exponential noise.
        scores = parameters
        if not is_greedy:
            scores = scores - np.log(np.random.standard_exponential(self.parameters))
        raw = np.empty(self.size, np.float32)
        log_probability = 0.0
        for number, part in enumerate(self._parts):
            logits, index = parameters[part], scores[part].argmax()
            log_probability += float(logits[index] - np.logaddexp.reduce(logits))
            raw[number] = index
        return raw, log_probability

    @override
    def action(self, raw: Floats) -> Floats:
        return (raw - self._half) / self._half

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
