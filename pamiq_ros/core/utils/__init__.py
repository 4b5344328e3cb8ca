"""Helpers for agents and trainers."""

from . import schedulers

__all__ = ["schedulers"]
