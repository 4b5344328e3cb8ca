"""Data: steps on their way from agents to trainers, and the buffers that keep them."""

from . import impls
from .batch import StepBatch, signature_of
from .buffer import DataBuffer
from .users import DataCollector, DataCollectorsDict, DataUser, DataUsersDict

__all__ = [
    "DataBuffer",
    "DataCollector",
    "DataCollectorsDict",
    "DataUser",
    "DataUsersDict",
    "StepBatch",
    "impls",
    "signature_of",
]
