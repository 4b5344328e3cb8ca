"""Data: steps on their way from agents to trainers, and where they are kept."""

from . import impls
from .batch import StepBatch, signature_of
from .buffer import DataBuffer
from .container import DataCollectorsDict, DataUsersDict
from .interface import DataCollector, DataUser

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
