"""Models: a training side for trainers, an inference side for agents."""

from .container import InferenceModelsDict, TrainingModelsDict
from .finite import NotFiniteError
from .interface import InferenceModel, SyncTarget, TrainingModel
from .reader import ParameterReader, StaleParameters, TensorSpec

__all__ = [
    "InferenceModel",
    "InferenceModelsDict",
    "NotFiniteError",
    "ParameterReader",
    "StaleParameters",
    "SyncTarget",
    "TensorSpec",
    "TrainingModel",
    "TrainingModelsDict",
]
