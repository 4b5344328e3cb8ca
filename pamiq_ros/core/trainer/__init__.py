"""Trainers: train models from collected data."""

from .base import Trainer, TrainersDict

__all__ = ["Trainer", "TrainersDict"]
