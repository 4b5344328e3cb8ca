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

"""The public API: agents, models, buffers, trainers, sensors and `System`. It imports no ROS."""

from . import data, interaction, model, time, torch, trainer, utils
from .data import (
    DataBuffer,
    DataCollector,
    DataCollectorsDict,
    DataUser,
    DataUsersDict,
    StepBatch,
    signature_of,
)
from .data.impls import (
    DictRandomReplacementBuffer,
    DictSequentialBuffer,
    RandomReplacementBuffer,
    SequentialBuffer,
)
from .devices import (
    ActionError,
    FloatArrayCommandTopic,
    FloatArrayTopic,
    ImageTopic,
    ImuTopic,
    JointStateTopic,
    LaserScanTopic,
    ObservationError,
    OdometryTopic,
    RangeTopic,
    TopicActuator,
    TopicSensor,
    TwistTopic,
    attach_robot,
)
from .evaluator import Evaluator
from .interaction import (
    Actuator,
    ActuatorsDict,
    ActuatorWrapper,
    Agent,
    Environment,
    EnvironmentWrapper,
    InteractionEventMixin,
    LambdaWrapper,
    ModularEnvironment,
    Sensor,
    SensorsDict,
    SensorWrapper,
    Wrapper,
)
from .model import (
    InferenceModel,
    InferenceModelsDict,
    NotFiniteError,
    ParameterReader,
    StaleParameters,
    TensorSpec,
    TrainingModel,
    TrainingModelsDict,
)
from .normalization import Channel, Normalizer, load_normalizer
from .state_persistence import PersistentStateMixin
from .system import System
from .thread import ThreadEventMixin
from .torch import (
    LRSchedulersDict,
    OptimizersDict,
    OptimizersSetup,
    TorchAgent,
    TorchInferenceModel,
    TorchTrainer,
    TorchTrainingModel,
    default_infer_procedure,
    get_device,
)
from .trainer import Recorder, Trainer, TrainersDict
from .utils.schedulers import Scheduler, StepIntervalScheduler, TimeIntervalScheduler

__all__ = [
    "ActionError",
    "Actuator",
    "ActuatorWrapper",
    "ActuatorsDict",
    "Agent",
    "Channel",
    "DataBuffer",
    "DataCollector",
    "DataCollectorsDict",
    "DataUser",
    "DataUsersDict",
    "DictRandomReplacementBuffer",
    "DictSequentialBuffer",
    "Environment",
    "EnvironmentWrapper",
    "Evaluator",
    "FloatArrayCommandTopic",
    "FloatArrayTopic",
    "ImageTopic",
    "ImuTopic",
    "InferenceModel",
    "InferenceModelsDict",
    "InteractionEventMixin",
    "JointStateTopic",
    "LRSchedulersDict",
    "LambdaWrapper",
    "LaserScanTopic",
    "ModularEnvironment",
    "Normalizer",
    "NotFiniteError",
    "ObservationError",
    "OdometryTopic",
    "OptimizersDict",
    "OptimizersSetup",
    "ParameterReader",
    "PersistentStateMixin",
    "RandomReplacementBuffer",
    "RangeTopic",
    "Recorder",
    "Scheduler",
    "Sensor",
    "SensorWrapper",
    "SensorsDict",
    "SequentialBuffer",
    "StaleParameters",
    "StepBatch",
    "StepIntervalScheduler",
    "System",
    "TensorSpec",
    "ThreadEventMixin",
    "TimeIntervalScheduler",
    "TopicActuator",
    "TopicSensor",
    "TorchAgent",
    "TorchInferenceModel",
    "TorchTrainer",
    "TorchTrainingModel",
    "Trainer",
    "TrainersDict",
    "TrainingModel",
    "TrainingModelsDict",
    "TwistTopic",
    "Wrapper",
    "attach_robot",
    "data",
    "default_infer_procedure",
    "get_device",
    "interaction",
    "load_normalizer",
    "model",
    "signature_of",
    "time",
    "torch",
    "trainer",
    "utils",
]
