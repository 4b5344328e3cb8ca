"""MinGRU: a recurrence that is cheap in a tick and learnt in one sweep over a sequence.

Feng et al. 2024, "Were RNNs all we needed?" (arXiv:2410.01201), equation 5, but for a tanh around
the candidate, which keeps a state that lives for days within [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MinGRU(nn.Module):
    """One recurrence: h = (1 - g) h + g tanh(c), where gate g and candidate c are linear in x.

    Args:
        size: Numbers of input, state and output.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.gate_and_candidate = nn.Linear(size, 2 * size)

    def forward(self, inputs: Tensor, state: Tensor, keep: Tensor) -> Tensor:
        """Go through sequences.

        Args:
            inputs: float32 [B, L, size].
            state: float32 [B, size], from before.
            keep: float32 [B, L], 0 where the state of before is forgotten, else 1.

        Returns:
            The states [B, L, size]; the last is what to go on from.
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
    """A recurrence and a small network, each beside a way around it (He et al. 2016).

    Args:
        size: Numbers of input and output.
        is_recurrent: Whether there is a recurrence; without it the block knows no past.
    """

    def __init__(self, size: int, is_recurrent: bool) -> None:
        super().__init__()
        self.recurrence = MinGRU(size) if is_recurrent else None
        self.before = nn.LayerNorm(size) if is_recurrent else None
        self.network = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size)
        )

    def forward(self, inputs: Tensor, state: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Go through sequences; see `MinGRU`. Gives the outputs and the last state."""
        if self.recurrence is not None and self.before is not None:
            states = self.recurrence(self.before(inputs), state, keep)
            inputs, state = inputs + states, states[:, -1]
        return inputs + self.network(inputs), state


class Stack(nn.Module):
    """Blocks one after the other.

    Args:
        size: Numbers of input and output.
        layers: How many blocks.
        is_recurrent: Whether they know the past.

    Attributes:
        state_shape: Of one sequence's state, [layers, size]; [0, size] without recurrence.
    """

    def __init__(self, size: int, layers: int, is_recurrent: bool) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(Block(size, is_recurrent) for _ in range(layers))
        self.state_shape = (layers if is_recurrent else 0, size)

    def forward(self, inputs: Tensor, state: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Go through sequences.

        Args:
            inputs: float32 [B, L, size].
            state: float32 [B, *state_shape].
            keep: float32 [B, L], 0 where the state of before is forgotten, else 1.

        Returns:
            The outputs [B, L, size] and the last state.
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
