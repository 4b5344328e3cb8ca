"""Models, agents and trainers that use torch modules."""

from .agent import TorchAgent
from .model import (
    InferenceProcedureCallable,
    TorchInferenceModel,
    TorchTrainingModel,
    default_infer_procedure,
    get_device,
)
from .trainer import LRSchedulersDict, OptimizersDict, OptimizersSetup, StateDict, TorchTrainer

__all__ = [
    "InferenceProcedureCallable",
    "LRSchedulersDict",
    "OptimizersDict",
    "OptimizersSetup",
    "StateDict",
    "TorchAgent",
    "TorchInferenceModel",
    "TorchTrainer",
    "TorchTrainingModel",
    "default_infer_procedure",
    "get_device",
]
