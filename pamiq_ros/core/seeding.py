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

"""The global random generators of a process: seeding them, and saving them as a state."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch

from .state import load_tree, save_tree
from .state_persistence import PersistentStateMixin

T = TypeVar("T")


class Generators(PersistentStateMixin):
    """The global random generators of Python, numpy and torch, with CUDA's if torch has used it."""

    def save_state(self, path: Path) -> None:
        """Save the generators as `<path>.safetensors`."""
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
        """Restore the generators from `<path>.safetensors`.

        Raises:
            FileNotFoundError: The file does not exist.
            ValueError: The file is damaged or has another format.
        """
        tree = load_tree(path)
        random.setstate(tree["python"])
        np.random.set_state(tree["numpy"])
        torch.set_rng_state(tree["torch"])
        if "cuda" in tree and torch.cuda.device_count() == len(tree["cuda"]):
            torch.cuda.set_rng_state_all(tree["cuda"])


def seed_everything(seed: int) -> None:
    """Seed the global random generators of Python, numpy and torch.

    Args:
        seed: From 0 to 2**32 - 1.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seeded(seed: int, make: Callable[[], T]) -> T:
    """Return `make()`, called with torch's CPU generator seeded. Restores the generator after."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
