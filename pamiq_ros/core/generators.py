"""The random generators of this process, as a state: Python's, numpy's and torch's."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import torch

from .state import load_tree, save_tree
from .state_persistence import PersistentStateMixin


class Generators(PersistentStateMixin):
    """All global random generators; a CUDA device's where there is one and torch has used it."""

    def save_state(self, path: Path) -> None:
        """Save them as `<path>.safetensors`."""
        kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
        tree: dict[str, Any] = {
            "python": random.getstate(),
            "numpy": (kind, keys, position, has_gauss, cached),
            "torch": torch.get_rng_state(),
        }
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            tree["cuda"] = torch.cuda.get_rng_state_all()
        save_tree(path, tree)

    def load_state(self, path: Path) -> None:
        """Go on from what was saved.

        Raises:
            FileNotFoundError: There is no such file.
            ValueError: The file is damaged or not one of these.
        """
        tree = load_tree(path)
        random.setstate(tree["python"])
        np.random.set_state(tree["numpy"])
        torch.set_rng_state(tree["torch"])
        if "cuda" in tree and torch.cuda.device_count() == len(tree["cuda"]):
            torch.cuda.set_rng_state_all(tree["cuda"])
