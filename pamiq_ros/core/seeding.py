"""Seeding of every random generator of a process."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch

T = TypeVar("T")


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's global random generators.

    Args:
        seed: From 0 to 2**32 - 1.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def seeded(seed: int, make: Callable[[], T]) -> T:
    """What `make` makes with torch's CPU generator of a seed; the generator is then as before."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()
