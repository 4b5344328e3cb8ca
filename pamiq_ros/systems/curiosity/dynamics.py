"""ForwardDynamics: what will be seen next, from what is seen and done now."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .recurrent import Stack

KINDS = ("mingru", "mlp")


class ForwardDynamics(nn.Module):
    """Encoding and action to the next encoding, as a change of the one there is.

    Args:
        encoding_size: Numbers in an encoding.
        action_size: Numbers in an action.
        width: Numbers between the layers.
        layers: How many there are.
        kind: `mingru` remembers; `mlp` is small and does not.
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
        """Shape of the state of one sequence, [layers, width]; [0, width] where there is none."""
        return self.stack.state_shape

    def forward(
        self, encodings: Tensor, actions: Tensor, state: Tensor, keep: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Predict along sequences.

        Args:
            encodings: float32 [B, L, encoding_size].
            actions: float32 [B, L, action_size] in [-1, 1].
            state: float32 [B, *state_shape], from before.
            keep: float32 [B, L], 0 where the state of before is forgotten, else 1.

        Returns:
            The encodings one step later [B, L, encoding_size], and the state after the last step.
        """
        inputs = self.enter(torch.cat([encodings, actions], 2))
        outputs, after = self.stack(inputs, state, keep)
        return encodings + self.leave(outputs), after

    def step(self, encoding: Tensor, action: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Predict one step of one sequence: [encoding_size] and the state after it."""
        keep = torch.ones(1, 1, device=encoding.device)
        batch = encoding[None, None], action[None, None], state[None], keep
        predicted, after = self(*batch)
        return predicted[0, 0], after[0]
