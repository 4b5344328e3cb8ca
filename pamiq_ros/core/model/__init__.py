"""Models: a training side for trainers, an inference side for agents."""

from .container import InferenceModelsDict, TrainingModelsDict
from .interface import InferenceModel, SyncTarget, TrainingModel

__all__ = [
    "InferenceModel",
    "InferenceModelsDict",
    "SyncTarget",
    "TrainingModel",
    "TrainingModelsDict",
]
