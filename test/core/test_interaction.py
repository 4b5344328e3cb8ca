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

"""Events and states reach every part of agents, environments, wrappers and dicts of devices."""

from collections import OrderedDict

import pytest
import torch

from pamiq_ros.core import (
    Actuator,
    ActuatorsDict,
    ActuatorWrapper,
    Agent,
    DataCollectorsDict,
    DataUsersDict,
    EnvironmentWrapper,
    InferenceModelsDict,
    LambdaWrapper,
    ModularEnvironment,
    Sensor,
    SensorsDict,
    SensorWrapper,
    SequentialBuffer,
    TorchAgent,
    TorchTrainingModel,
    Trainer,
    TrainersDict,
    Wrapper,
)

EVENTS = ("setup", "teardown", "on_paused", "on_resumed")


class Told:
    """Notes what it is told, and keeps a number as its state."""

    def __init__(self, *args):
        super().__init__(*args)
        self.told = []
        self.number = 0

    def setup(self):
        super().setup()
        self.told.append("setup")

    def teardown(self):
        super().teardown()
        self.told.append("teardown")

    def on_paused(self):
        super().on_paused()
        self.told.append("on_paused")

    def on_resumed(self):
        super().on_resumed()
        self.told.append("on_resumed")

    def save_state(self, path):
        super().save_state(path)
        path.with_name(path.name + ".txt").write_text(str(self.number))

    def load_state(self, path):
        super().load_state(path)
        self.number = int(path.with_name(path.name + ".txt").read_text())


class Gauge(Told, Sensor):
    def read(self):
        return self.number


class Motor(Told, Actuator):
    def operate(self, action):
        self.number = action


class Doubled(Told, Wrapper):
    def wrap(self, value):
        return 2 * value


class Echo(Told, Agent):
    def step(self, observation):
        return observation


def parts_of(whole: str):
    gauge, motor, doubled, halved = Gauge(), Motor(), Doubled(), Doubled()
    child, grandchild = None, None
    if whole == "modular":
        return ModularEnvironment(gauge, motor), [gauge, motor]
    if whole == "dicts":
        return ModularEnvironment.from_dict({"g": gauge}, {"m": motor}), [gauge, motor]
    if whole == "environment wrapper":
        inner = ModularEnvironment(gauge, motor)
        return EnvironmentWrapper(inner, doubled, halved), [gauge, motor, doubled, halved]
    if whole == "sensor wrapper":
        return SensorWrapper(gauge, doubled), [gauge, doubled]
    if whole == "actuator wrapper":
        return ActuatorWrapper(motor, doubled), [motor, doubled]
    grandchild = Echo()
    child = Echo({"grandchild": grandchild})
    return Echo({"child": child}), [child, grandchild]


WHOLES = [
    "modular",
    "dicts",
    "environment wrapper",
    "sensor wrapper",
    "actuator wrapper",
    "agent",
]


@pytest.mark.parametrize("whole", WHOLES)
def test_every_part_is_told(whole):
    made, parts = parts_of(whole)
    for event in EVENTS:
        getattr(made, event)()
    assert [part.told for part in parts] == [list(EVENTS)] * len(parts)


@pytest.mark.parametrize("whole", WHOLES)
def test_every_part_comes_back(whole, tmp_path):
    made, parts = parts_of(whole)
    for number, part in enumerate(parts):
        part.number = 10 + number
    made.save_state(tmp_path / "state")
    again, others = parts_of(whole)
    again.load_state(tmp_path / "state")
    assert [part.number for part in others] == [part.number for part in parts]


def test_a_modular_environment_reads_and_operates():
    gauge, motor = Gauge(), Motor()
    gauge.number = 4
    env = ModularEnvironment(gauge, motor)
    env.affect(9)
    assert env.observe() == 4 and motor.number == 9
    env = ModularEnvironment.from_dict({"a": gauge, "b": gauge}, {"m": motor})
    env.affect({"m": 1, "other": 2})
    assert env.observe() == {"a": 4, "b": 4} and motor.number == 1
    with pytest.raises(KeyError, match="m"):
        env.affect({})


def test_dicts_of_devices_are_dicts():
    gauge, motor = Gauge(), Motor()
    assert SensorsDict({"g": gauge})["g"] is gauge
    assert list(ActuatorsDict(m=motor).values()) == [motor]


def test_wrappers_change_values_on_their_way():
    gauge, motor = Gauge(), Motor()
    gauge.number = 3
    assert SensorWrapper(gauge, lambda x: x + 1).read() == 4
    assert Doubled().wrap_sensor(gauge).read() == 6
    ActuatorWrapper(motor, Doubled()).operate(5)
    assert motor.number == 10
    LambdaWrapper(abs).wrap_actuator(motor).operate(-7)
    assert motor.number == 7
    env = EnvironmentWrapper(ModularEnvironment(gauge, motor), str, int)
    env.affect("12")
    assert env.observe() == "3" and motor.number == 12


class Named(Echo):
    def on_inference_models_attached(self):
        self.model = self.get_inference_model("policy")

    def on_data_collectors_attached(self):
        self.collector = self.get_data_collector("steps")


def test_children_get_models_and_collectors_but_a_collector_only_once():
    models = InferenceModelsDict({"policy": TorchTrainingModel(torch.nn.ReLU()).inference_model})
    users = DataUsersDict.from_data_buffers(steps=SequentialBuffer(1))
    child = Named()
    parent = Echo({"child": child})
    parent.attach_inference_models(models)
    parent.attach_data_collectors(users.data_collectors_dict)
    assert child.model is models["policy"]
    child.collector.collect(1.0)
    assert users["steps"].get_data() == [1.0]
    with pytest.raises(KeyError, match="already acquired"):
        Echo({"a": Named(), "b": Named()}).attach_data_collectors(
            DataCollectorsDict(users.data_collectors_dict.data)
        )
    with pytest.raises(KeyError, match="policy"):
        child.attach_inference_models(InferenceModelsDict())


class TorchEcho(TorchAgent):
    def step(self, observation):
        return observation


def test_a_torch_agent_checks_the_types_of_its_models():
    agent = TorchEcho()
    model = TorchTrainingModel(torch.nn.Linear(1, 1)).inference_model
    agent.attach_inference_models(InferenceModelsDict({"net": model, "other": object()}))
    assert agent.get_torch_inference_model("net") is model
    assert agent.get_torch_inference_model("net", torch.nn.Linear) is model
    with pytest.raises(TypeError, match="'net': expected a module of Conv2d, found Linear"):
        agent.get_torch_inference_model("net", torch.nn.Conv2d)
    with pytest.raises(ValueError, match="'other': expected a TorchInferenceModel, found object"):
        agent.get_torch_inference_model("other")


class Idle(Trainer):
    def __init__(self):
        super().__init__()
        self.told = []

    def train(self):
        pass

    def on_paused(self):
        self.told.append("on_paused")

    def on_resumed(self):
        self.told.append("on_resumed")


def test_trainers_keep_their_order_and_are_told_of_pauses():
    trainers = TrainersDict(b=Idle(), a=Idle())
    assert list(trainers) == ["b", "a"] and isinstance(trainers, OrderedDict)
    trainers.on_paused()
    trainers.on_resumed()
    assert trainers["a"].told == trainers["b"].told == ["on_paused", "on_resumed"]
