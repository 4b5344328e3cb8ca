"""The two sides of torch models, in one place for imports."""

from .inference import TorchInferenceModel
from .procedures import InferenceProcedureCallable, default_infer_procedure, get_device
from .training import TorchTrainingModel

__all__ = [
    "InferenceProcedureCallable",
    "TorchInferenceModel",
    "TorchTrainingModel",
    "default_infer_procedure",
    "get_device",
]
