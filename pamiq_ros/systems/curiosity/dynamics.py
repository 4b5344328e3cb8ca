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

"""ForwardDynamics: predicts the next encoding from the current encoding and action.

Its recurrence, MinGRU, is cheap in a tick and learned in one pass over a sequence: Feng et al.
2024, "Were RNNs all we needed?" (arXiv:2410.01201), equation 5, but with a tanh around the
candidate, which keeps a state that runs for days within [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

KINDS = ("mingru", "mlp")


class ForwardDynamics(nn.Module):
    """Predicts the change from one encoding to the next, given the action.

    Args:
        encoding_size: Size of an encoding.
        action_size: Size of an action.
        width: Width of the layers.
        layers: Number of layers.
        kind: `mingru` is recurrent; `mlp` is small and has no state.
    """

    def __init__(
        self, encoding_size: int, action_size: int, width: int, layers: int, kind: str = "mingru"
    ) -> None:
        super().__init__()
        self.enter = nn.Linear(encoding_size + action_size, width)
        self.stack = Stack(width, layers, kind == "mingru")
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, encoding_size))

    @property
    def state_shape(self) -> tuple[int, int]:
        """Shape of the state of one sequence, [layers, width]; [0, width] for `mlp`."""
        return self.stack.state_shape

    def forward(
        self, encodings: Tensor, actions: Tensor, state: Tensor, keep: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Predict along sequences.

        Args:
            encodings: float32 [B, L, encoding_size].
            actions: float32 [B, L, action_size] in [-1, 1].
            state: float32 [B, *state_shape], the state before the first step.
            keep: float32 [B, L], 0 where the state is reset before the step, else 1.

        Returns:
            The encodings one step later [B, L, encoding_size], and the state after the last step.
        """
        inputs = self.enter(torch.cat([encodings, actions], 2))
        outputs, after = self.stack(inputs, state, keep)
        return encodings + self.leave(outputs), after

    def step(self, encoding: Tensor, action: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Predict one step of one sequence; return the next encoding and the next state."""
        keep = torch.ones(1, 1, device=encoding.device)
        batch = encoding[None, None], action[None, None], state[None], keep
        predicted, after = self(*batch)
        return predicted[0, 0], after[0]


class MinGRU(nn.Module):
    """One recurrence: h = (1 - g) h + g tanh(c), where gate g and candidate c are linear in x.

    Args:
        size: Size of input, state and output.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gate_and_candidate = nn.Linear(size, 2 * size)

    def forward(self, inputs: Tensor, state: Tensor, keep: Tensor) -> Tensor:
        """Run over sequences.

        Args:
            inputs: float32 [B, L, size].
            state: float32 [B, size], the state before the first step.
            keep: float32 [B, L], 0 where the state is reset before the step, else 1.

        Returns:
            The states after each step, [B, L, size].
        """
        gates, candidates = self.gate_and_candidate(inputs).chunk(2, dim=2)
        gates = gates.sigmoid()
        new = gates * candidates.tanh()
        kept = (1.0 - gates) * keep.unsqueeze(2)
        states = []
        for index in range(inputs.shape[1]):
            state = kept[:, index] * state + new[:, index]
            states.append(state)
        return torch.stack(states, 1)


class Block(nn.Module):
    """A recurrence and a small network, each with a residual connection (He et al. 2016).

    Args:
        size: Size of input and output.
        is_recurrent: Whether there is a recurrence; without it the block has no state.
    """

    def __init__(self, size: int, is_recurrent: bool) -> None:
        super().__init__()
        self.recurrence = MinGRU(size) if is_recurrent else None
        self.before = nn.LayerNorm(size) if is_recurrent else None
        self.network = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size)
        )

    def forward(self, inputs: Tensor, state: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Run over sequences, see `MinGRU`; return the outputs and the last state."""
        if self.recurrence is not None and self.before is not None:
            states = self.recurrence(self.before(inputs), state, keep)
            inputs, state = inputs + states, states[:, -1]
        return inputs + self.network(inputs), state


class Stack(nn.Module):
    """A sequence of blocks.

    Args:
        size: Size of input and output.
        layers: Number of blocks.
        is_recurrent: Whether the blocks are recurrent.

    Attributes:
        state_shape: Shape of one sequence's state, [layers, size]; [0, size] without recurrence.
    """

    def __init__(self, size: int, layers: int, is_recurrent: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(size, is_recurrent) for _ in range(layers))
        self.state_shape = (layers if is_recurrent else 0, size)

    def forward(self, inputs: Tensor, state: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Run over sequences.

        Args:
            inputs: float32 [B, L, size].
            state: float32 [B, *state_shape].
            keep: float32 [B, L], 0 where the state is reset before the step, else 1.

        Returns:
            The outputs [B, L, size] and the state after the last step.
        """
        states: list[Tensor] = []
        nothing = inputs[:, 0]
        for index, block in enumerate(self.blocks):
            before = state[:, index] if self.state_shape[0] else nothing
            inputs, after = block(inputs, before, keep)
            states.append(after)
        return inputs, _stacked(states, state)


def _stacked(states: Sequence[Tensor], before: Tensor) -> Tensor:
    return torch.stack(list(states), 1) if before.shape[1] else before
