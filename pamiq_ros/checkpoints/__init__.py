"""Save and load the states of a node: one directory each, written atomically and verified."""

from .manifest import Configuration, StateError
from .saver import Saver, remove_left_scratch, scratch_folder
from .store import LATEST, RetentionPolicy, StateStore, Write

__all__ = [
    "LATEST",
    "Configuration",
    "RetentionPolicy",
    "Saver",
    "StateError",
    "StateStore",
    "Write",
    "remove_left_scratch",
    "scratch_folder",
]
