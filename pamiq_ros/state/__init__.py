"""Saving and loading of a node's state: one directory each, atomic, checked."""

from .store import StateError, StateStore

__all__ = ["StateError", "StateStore"]
