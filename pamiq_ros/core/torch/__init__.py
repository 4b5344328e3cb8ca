# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
