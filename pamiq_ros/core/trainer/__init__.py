"""Trainers: what learns."""

from .base import Trainer
from .container import TrainersDict

__all__ = ["Trainer", "TrainersDict"]
