"""Models: a training side for trainers, an inference side for agents."""

from .interface import (
    InferenceModel,
    InferenceModelsDict,
    StagedWeights,
    SyncTarget,
    TrainingModel,
    TrainingModelsDict,
)
from .parameters import NotFiniteError, ParameterReader, StaleParameters, TensorSpec

__all__ = [
    "InferenceModel",
    "InferenceModelsDict",
    "NotFiniteError",
    "ParameterReader",
    "StagedWeights",
    "StaleParameters",
    "SyncTarget",
    "TensorSpec",
    "TrainingModel",
    "TrainingModelsDict",
]
