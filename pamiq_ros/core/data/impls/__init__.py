"""Ready-made buffers."""

from .dict_buffers import DictRandomReplacementBuffer, DictSequentialBuffer
from .stored_buffers import RandomReplacementBuffer, SequentialBuffer

__all__ = [
    "DictRandomReplacementBuffer",
    "DictSequentialBuffer",
    "RandomReplacementBuffer",
    "SequentialBuffer",
]
