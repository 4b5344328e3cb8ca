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

"""Code written for PAMIQ Core 0.6 runs here after its import lines are changed.

First a table of names and signatures, then systems as users write them, in one process:
the agent steps, the trainer runs, the inference model has learned.
"""

import importlib
import inspect
import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset
from typing_extensions import override

from pamiq_ros.core import (
    Agent,
    DataBuffer,
    Environment,
    InferenceModel,
    ModularEnvironment,
    Sensor,
    Trainer,
    TrainingModel,
    time,
)
from pamiq_ros.core.data import DataUsersDict
from pamiq_ros.core.data.impls import DictRandomReplacementBuffer, DictSequentialBuffer
from pamiq_ros.core.interaction.modular_env import Actuator
from pamiq_ros.core.interaction.wrappers import LambdaWrapper
from pamiq_ros.core.model import TrainingModelsDict
from pamiq_ros.core.torch import (
    OptimizersSetup,
    TorchAgent,
    TorchTrainer,
    TorchTrainingModel,
    get_device,
)
from pamiq_ros.core.trainer import TrainersDict
from pamiq_ros.core.utils.schedulers import StepIntervalScheduler

# Per module: classes with their methods and properties, and functions. "x=" has a default.
TABLE = """
interaction:
  class Agent
    __init__(agents=)
    step(observation)
    attach_inference_models(inference_models)
    on_inference_models_attached()
    attach_data_collectors(data_collectors)
    on_data_collectors_attached()
    get_inference_model(name)
    get_data_collector(name)
    setup()
    teardown()
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
  class Environment
    observe()
    affect(action)
  class Sensor
    read()
  class Actuator
    operate(action)
  class ModularEnvironment
    __init__(sensor, actuator)
    observe()
    affect(action)
    setup()
    teardown()
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
    from_dict(sensors, actuators)
  class SensorsDict
    read()
    setup()
    teardown()
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
  class ActuatorsDict
    operate(action)
    setup()
    teardown()
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
  class Wrapper
    wrap(value)
    __call__(value)
    wrap_sensor(sensor)
    wrap_actuator(actuator)
  class LambdaWrapper
    __init__(func)
    wrap(value)
  class EnvironmentWrapper
    __init__(env, obs_wrapper, act_wrapper)
    observe()
    affect(action)
    setup()
    teardown()
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
  class SensorWrapper
    __init__(sensor, wrapper)
    read()
    setup()
    teardown()
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
  class ActuatorWrapper
    __init__(actuator, wrapper)
    operate(action)
    setup()
    teardown()
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
data:
  class DataBuffer
    __init__(max_queue_size=)
    max_queue_size
    add(data)
    get_data()
    __len__()
  class DataUsersDict
    __init__(*args, **kwds)
    data_collectors_dict
    from_data_buffers(buffer_map=, **kwds)
    save_state(path)
    load_state(path)
  class DataCollectorsDict
    __init__(*args, **kwds)
    acquire(collector_name)
  class DataUser
    __init__(buffer)
    update()
    get_data()
    count_data_added_since(timestamp)
    save_state(path)
    load_state(path)
    __len__()
  class DataCollector
    __init__(max_queue_size)
    collect(data)
data.impls:
  class SequentialBuffer
    __init__(max_size)
    max_size
    add(data)
    get_data()
    __len__()
    save_state(path)
    load_state(path)
  class DictSequentialBuffer
    __init__(keys, max_size)
    max_size
    keys
    add(data)
    get_data()
    __len__()
  class RandomReplacementBuffer
    __init__(max_size, replace_probability=, expected_survival_length=)
    compute_replace_probability_from_expected_survival_length(max_size, survival_length)
    max_size
    is_full
    add(data)
    get_data()
    __len__()
    save_state(path)
    load_state(path)
  class DictRandomReplacementBuffer
    __init__(keys, max_size, replace_probability=, expected_survival_length=)
    max_size
    keys
    add(data)
    get_data()
    __len__()
model:
  class InferenceModel
    infer(*args, **kwds)
    __call__(*args, **kwds)
  class TrainingModel
    __init__(has_inference_model=, inference_thread_only=)
    inference_model
    forward(*args, **kwds)
    __call__(*args, **kwds)
    sync()
    sync_impl(inference_model)
  class InferenceModelsDict
  class TrainingModelsDict
    __init__(*args, **kwds)
    inference_models_dict
    save_state(path)
    load_state(path)
torch:
  class TorchAgent
    get_torch_inference_model(name, module_cls=)
  class InferenceProcedureCallable
    __call__(model, *args, **kwds)
  get_device(module, default_device=)
  default_infer_procedure(model, *args, **kwds)
  class TorchInferenceModel
    __init__(model, inference_procedure)
    infer(*args, **kwds)
    unwrap(inference_mode=)
  class TorchTrainingModel
    __init__(model, has_inference_model=, inference_thread_only=, device=, dtype=, \
inference_procedure=, pretrained_parameter_file=, compile=)
    sync_impl(inference_model)
    forward(*args, **kwds)
    save_state(path)
    load_state(path)
  class TorchTrainer
    __init__(training_condition_data_user=, min_buffer_size=, min_new_data_count=)
    get_torch_training_model(name, module_cls=)
    create_optimizers()
    setup()
    teardown()
    save_state(path)
    load_state(path)
trainer:
  class Trainer
    __init__(training_condition_data_user=, min_buffer_size=, min_new_data_count=)
    attach_training_models(training_models)
    on_training_models_attached()
    attach_data_users(data_users)
    on_data_users_attached()
    get_training_model(name)
    get_data_user(name)
    is_trainable()
    setup()
    train()
    sync_models()
    teardown()
    run()
    save_state(path)
    load_state(path)
  class TrainersDict
    attach_training_models(training_models)
    attach_data_users(data_users)
    save_state(path)
    load_state(path)
    on_paused()
    on_resumed()
utils.schedulers:
  class Scheduler
    __init__(callbacks=)
    register_callback(callback)
    remove_callback(callback)
    is_available()
    update()
  class TimeIntervalScheduler
    __init__(interval, callbacks=)
    is_available()
    update()
  class StepIntervalScheduler
    __init__(interval, callbacks=)
    is_available()
    update()
"""

FLAT = [
    "Agent",
    "Environment",
    "Sensor",
    "Actuator",
    "ModularEnvironment",
    "SensorsDict",
    "ActuatorsDict",
    "Wrapper",
    "LambdaWrapper",
    "SensorWrapper",
    "ActuatorWrapper",
    "EnvironmentWrapper",
    "DataBuffer",
    "DataCollector",
    "DataUser",
    "InferenceModel",
    "TrainingModel",
    "Trainer",
    "data",
    "interaction",
    "model",
    "time",
    "trainer",
    "utils",
]

ALIASES = {
    "torch": ["LRSchedulersDict", "OptimizersDict", "OptimizersSetup", "StateDict"],
    "time": [
        "time",
        "perf_counter",
        "monotonic",
        "sleep",
        "pause",
        "resume",
        "is_paused",
        "fixed_time",
        "fixed_sleep",
    ],
    "interaction.modular_env": [
        "Sensor",
        "Actuator",
        "SensorsDict",
        "ActuatorsDict",
        "ModularEnvironment",
    ],
    "interaction.event_mixin": ["InteractionEventMixin"],
    "thread": ["ThreadEventMixin"],
    "state_persistence": ["PersistentStateMixin"],
}


def expected():
    module = owner = ""
    for line in TABLE.strip().splitlines():
        name, _, arguments = line.strip().partition("(")
        if line.endswith(":"):
            module = line[:-1]
        elif name.startswith("class "):
            owner = name.removeprefix("class ")
            yield module, owner, None
        elif line.startswith("    "):
            yield module, f"{owner}.{name}", arguments.rstrip(")") if "(" in line else None
        else:
            yield module, name, arguments.rstrip(")")


@pytest.mark.parametrize(("module", "name", "arguments"), list(expected()))
def test_the_name_exists_with_its_signature(module, name, arguments):
    found = importlib.import_module(f"pamiq_ros.core.{module}")
    for part in name.split("."):
        found = (
            inspect.getattr_static(found, part) if inspect.isclass(found) else getattr(found, part)
        )
    if arguments is None:
        assert inspect.isclass(found) or isinstance(found, property)
        return
    found = getattr(found, "__func__", found)
    ours = [p for n, p in inspect.signature(found).parameters.items() if n not in ("self", "cls")]
    theirs = [argument for argument in arguments.split(", ") if argument]
    for parameter in theirs:
        if parameter.startswith("*"):
            kinds = {p.kind for p in ours}
            wanted = p_kind(parameter)
            assert wanted in kinds
            continue
        own = ours.pop(0)
        assert own.name == parameter.removesuffix("=")
        assert not parameter.endswith("=") or own.default is not own.empty
    assert all(p.default is not p.empty or p.kind in VARIADIC for p in ours)


VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def p_kind(parameter):
    return VARIADIC[1] if parameter.startswith("**") else VARIADIC[0]


def test_flat_names_and_aliases_exist():
    import pamiq_ros.core as core

    assert [name for name in FLAT if not hasattr(core, name)] == []
    for module, names in ALIASES.items():
        found = importlib.import_module(f"pamiq_ros.core.{module}")
        assert [name for name in names if not hasattr(found, name)] == []


# ---- An agent with a child, a model that is not of torch, a buffer of one's own ----


class Thermometer(Sensor[float]):
    @override
    def read(self) -> float:
        return random.uniform(-1.0, 1.0)


class Valve(Actuator[float]):
    def __init__(self) -> None:
        self.opened: list[float] = []

    @override
    def operate(self, action: float) -> None:
        self.opened.append(action)


class GainInference(InferenceModel):
    def __init__(self, gain: float) -> None:
        self.gain = gain

    @override
    def infer(self, temperature: float) -> float:
        return self.gain * temperature


class Gain(TrainingModel[GainInference]):
    def __init__(self) -> None:
        super().__init__(has_inference_model=True, inference_thread_only=False)
        self.gain = 0.0

    @override
    def _create_inference_model(self) -> GainInference:
        return GainInference(self.gain)

    @override
    def forward(self, temperature: float) -> float:
        return self.gain * temperature

    @override
    def sync_impl(self, inference_model: GainInference) -> None:
        inference_model.gain = self.gain


class Regulator(Agent[float, float]):
    """A child agent: acts with the model."""

    @override
    def on_inference_models_attached(self) -> None:
        super().on_inference_models_attached()
        self.gain = self.get_inference_model("gain")

    @override
    def step(self, observation: float) -> float:
        return self.gain(observation)


class Keeper(Agent[float, float]):
    """A parent agent: takes the child's action and collects."""

    def __init__(self) -> None:
        self.regulator = Regulator()
        super().__init__(agents={"regulator": self.regulator})
        self.reports = 0
        self.scheduler = StepIntervalScheduler(5, self.report)

    def report(self) -> None:
        self.reports += 1

    @override
    def on_data_collectors_attached(self) -> None:
        super().on_data_collectors_attached()
        self.collector = self.get_data_collector("pairs")

    @override
    def step(self, observation: float) -> float:
        self.scheduler.update()
        self.collector.collect({"in": observation, "wanted": 3.0 * observation})
        return self.regulator.step(observation)


class OwnBuffer(DataBuffer[dict, list]):
    def __init__(self, max_size: int) -> None:
        super().__init__(max_queue_size=max_size)
        self.items: list[dict] = []
        self.max_size = max_size

    @override
    def add(self, data: dict) -> None:
        self.items = [*self.items, data][-self.max_size :]

    @override
    def get_data(self) -> list[dict]:
        return list(self.items)

    @override
    def __len__(self) -> int:
        return len(self.items)


class GainTrainer(Trainer):
    def __init__(self) -> None:
        super().__init__("pairs", min_buffer_size=8, min_new_data_count=4)

    @override
    def on_training_models_attached(self) -> None:
        super().on_training_models_attached()
        self.gain = self.get_training_model("gain")

    @override
    def on_data_users_attached(self) -> None:
        super().on_data_users_attached()
        self.pairs = self.get_data_user("pairs")

    @override
    def train(self) -> None:
        for pair in self.pairs.get_data():
            error = pair["wanted"] - self.gain(pair["in"])
            self.gain.gain += 0.3 * error * pair["in"]


def assemble(agent, models, buffers, trainers):
    """Attach models, collectors and data users as a launcher does."""
    models = TrainingModelsDict(models)
    users = DataUsersDict.from_data_buffers(buffers)
    trainers = TrainersDict(trainers)
    agent.attach_inference_models(models.inference_models_dict)
    agent.attach_data_collectors(users.data_collectors_dict)
    trainers.attach_training_models(models)
    trainers.attach_data_users(users)
    return models, users, trainers


def test_a_system_without_torch_learns():
    random.seed(0)
    agent, valve = Keeper(), Valve()
    env = ModularEnvironment(Thermometer(), valve)
    _, users, trainers = assemble(
        agent, {"gain": Gain()}, {"pairs": OwnBuffer(50)}, {"gain": GainTrainer()}
    )
    agent.setup()
    env.setup()
    trained = 0
    for _ in range(40):
        env.affect(agent.step(env.observe()))
        trained += trainers["gain"].run()
    env.teardown()
    agent.teardown()
    assert trained >= 5 and agent.reports == 8
    assert agent.regulator.step(1.0) == pytest.approx(3.0, abs=0.05)
    assert valve.opened[0] == 0.0 and len(valve.opened) == 40
    assert users["pairs"].count_data_added_since(time.time()) == 0


# ---- A variational autoencoder of torch: an encoder that acts, a decoder that only trains ----


class Encoder(nn.Module):
    def __init__(self, size: int, latent: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(size, 16)
        self.mean = nn.Linear(16, latent)
        self.log_variance = nn.Linear(16, latent)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        hidden = F.relu(self.hidden(x))
        return self.mean(hidden), self.log_variance(hidden)

    def infer(self, x: torch.Tensor) -> torch.Tensor:
        return self.forward(x.to(get_device(self)))[0]


class Watcher(TorchAgent[torch.Tensor, torch.Tensor]):
    @override
    def on_inference_models_attached(self) -> None:
        super().on_inference_models_attached()
        self.encoder = self.get_torch_inference_model("encoder", Encoder)

    @override
    def on_data_collectors_attached(self) -> None:
        super().on_data_collectors_attached()
        self.collector = self.get_data_collector("observation")

    @override
    def step(self, observation: torch.Tensor) -> torch.Tensor:
        self.collector.collect({"x": observation})
        return self.encoder(observation)


class Points(Environment[torch.Tensor, torch.Tensor]):
    """Points on a line in eight dimensions: one latent number describes them."""

    def __init__(self) -> None:
        self.line = torch.linspace(-1.0, 1.0, 8)
        self.actions = 0

    @override
    def observe(self) -> torch.Tensor:
        return self.line * torch.randn(())

    @override
    def affect(self, action: torch.Tensor) -> None:
        assert action.shape == (2,)
        self.actions += 1


class VAETrainer(TorchTrainer):
    def __init__(self) -> None:
        super().__init__("observation", min_buffer_size=32, min_new_data_count=16)
        self.losses: list[float] = []

    @override
    def on_training_models_attached(self) -> None:
        super().on_training_models_attached()
        self.encoder = self.get_torch_training_model("encoder", Encoder)
        self.decoder = self.get_torch_training_model("decoder", nn.Linear)

    @override
    def on_data_users_attached(self) -> None:
        super().on_data_users_attached()
        self.observations = self.get_data_user("observation")

    @override
    def create_optimizers(self) -> OptimizersSetup:
        parameters = [*self.encoder.model.parameters(), *self.decoder.model.parameters()]
        optimizer = optim.Adam(parameters, lr=1e-2)
        return {"vae": optimizer}, {"vae": optim.lr_scheduler.ExponentialLR(optimizer, 0.999)}

    @override
    def train(self) -> None:
        data = torch.stack(self.observations.get_data()["x"])
        for (x,) in DataLoader(TensorDataset(data), batch_size=16, shuffle=True):
            self.optimizers["vae"].zero_grad()
            mean, log_variance = self.encoder(x)
            z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
            divergence = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).mean()
            loss = F.mse_loss(self.decoder(z), x) + 1e-3 * divergence
            loss.backward()
            self.optimizers["vae"].step()
            self.losses.append(loss.item())
        self.lr_schedulers["vae"].step()


@pytest.mark.parametrize(
    "make_buffer",
    [
        lambda: DictSequentialBuffer(["x"], max_size=128),
        lambda: DictRandomReplacementBuffer(["x"], 128, expected_survival_length=900),
    ],
)
def test_a_variational_autoencoder_learns(make_buffer, tmp_path):
    torch.manual_seed(0)
    agent, points = Watcher(), Points()
    wrapped = ModularEnvironment(
        LambdaWrapper(lambda x: x.float()).wrap_sensor(SensorOf(points)), ActuatorOf(points)
    )
    models, users, trainers = assemble(
        agent,
        {
            "encoder": TorchTrainingModel(Encoder(8, 2), inference_procedure="infer"),
            "decoder": TorchTrainingModel(nn.Linear(2, 8), has_inference_model=False),
        },
        {"observation": make_buffer()},
        {"vae": VAETrainer()},
    )
    probe = torch.ones(8)
    before = models.inference_models_dict["encoder"](probe)
    for _ in range(400):
        wrapped.affect(agent.step(wrapped.observe()))
        trainers["vae"].run()
    losses = trainers["vae"].losses
    assert sum(losses[-10:]) < 0.3 * sum(losses[:10])
    after = models.inference_models_dict["encoder"](probe)
    assert not torch.equal(before, after)
    assert torch.allclose(after, models["encoder"].model.infer(probe))
    assert points.actions == 400
    for part in (models, users, trainers, agent, wrapped):
        part.save_state(tmp_path / type(part).__name__)
        part.load_state(tmp_path / type(part).__name__)


class SensorOf(Sensor[torch.Tensor]):
    def __init__(self, env: Environment) -> None:
        self.env = env

    @override
    def read(self) -> torch.Tensor:
        return self.env.observe()


class ActuatorOf(Actuator[torch.Tensor]):
    def __init__(self, env: Environment) -> None:
        self.env = env

    @override
    def operate(self, action: torch.Tensor) -> None:
        self.env.affect(action)
