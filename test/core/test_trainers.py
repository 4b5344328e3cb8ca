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

"""Trainers train when there is enough new data, and their optimizers go on where they were."""

import warnings

import pytest
import torch
from torch import nn, optim
from torch.optim import lr_scheduler

from pamiq_ros.core import (
    DataUsersDict,
    Recorder,
    SequentialBuffer,
    TorchTrainer,
    TorchTrainingModel,
    Trainer,
    TrainersDict,
    TrainingModelsDict,
    time,
)


class Counting(Trainer):
    def __init__(self, *args, **kwds):
        super().__init__(*args, **kwds)
        self.calls = []

    def setup(self):
        self.calls.append("setup")

    def train(self):
        self.calls.append("train")

    def sync_models(self):
        super().sync_models()
        self.calls.append("sync")

    def teardown(self):
        self.calls.append("teardown")


def test_a_trainer_without_a_condition_always_trains():
    trainer = Counting()
    assert trainer.run() and trainer.run()
    assert trainer.calls == ["setup", "train", "sync", "teardown"] * 2


def test_a_trainer_waits_for_enough_steps_and_enough_new_ones(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "time", lambda: now[0])
    users = DataUsersDict.from_data_buffers(steps=SequentialBuffer(100))
    trainer = Counting("steps", min_buffer_size=4, min_new_data_count=2)
    trainer.attach_data_users(users)
    collector = users.data_collectors_dict.acquire("steps")
    trained = []
    for _ in range(9):
        now[0] += 1.0
        collector.collect(1.0)
        trained.append(trainer.run())
    assert trained == [False, False, False, True, False, True, False, True, False]


def test_the_time_of_the_last_training_comes_back(tmp_path):
    for last in (float("-inf"), 12.5):
        trainer, path = Counting(), tmp_path / str(last)
        trainer._previous_training_time = last
        trainer.save_state(path)
        loaded = Counting()
        loaded.load_state(path)
        assert loaded._previous_training_time == last


class Seen(Recorder):
    def __init__(self):
        self.scalars = []

    def scalar(self, name, value):
        self.scalars.append((name, value))


class Fit(TorchTrainer):
    """Fits y = 2 x with any optimizers."""

    def __init__(self, setup=lambda p: {"sgd": optim.SGD(p, 0.1)}):
        super().__init__()
        self.make = setup

    def on_training_models_attached(self):
        self.net = self.get_torch_training_model("net", nn.Linear)

    def create_optimizers(self):
        return self.make(self.net.model.parameters())

    def train(self):
        x = torch.ones(4, 1)
        loss = (self.net(x) - 2 * x).pow(2).mean()
        for optimizer in self.optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for stepped in (*self.optimizers.values(), *self.lr_schedulers.values()):
            stepped.step(*([loss.item()] if "Plateau" in type(stepped).__name__ else []))
        self.recorder.scalar("loss", loss.item())
        self.recorder.image("picture", lambda: pytest.fail("nobody asked for it"))


def fit(**kwds):
    torch.manual_seed(0)
    trainer = Fit(**kwds)
    models = TrainingModelsDict(net=TorchTrainingModel(nn.Linear(1, 1)))
    trainer.attach_training_models(models)
    return trainer, models


def test_training_reaches_the_inference_model_and_the_recorder():
    trainer, models = fit()
    seen = Seen()
    trainer.attach_recorder(seen)
    for _ in range(50):
        trainer.run()
    losses = [value for _, value in seen.scalars]
    assert losses[-1] < losses[0] / 100
    assert models.inference_models_dict["net"](torch.ones(1, 1)).item() == pytest.approx(2, abs=0.1)


def test_a_trainer_without_a_recorder_trains_too():
    trainer, _ = fit()
    assert trainer.run()


def adam(p):
    return {"adam": optim.Adam(p, 0.05, amsgrad=True)}


def with_scheduler(make):
    def setup(p):
        optimizers = {"adam": optim.Adam(p, 0.05)}
        return optimizers, {"lr": make(optimizers["adam"])}

    return setup


SETUPS = {
    "sgd": lambda p: {"sgd": optim.SGD(p, 0.1, momentum=0.9)},
    "adam": adam,
    "rmsprop": lambda p: {"rms": optim.RMSprop(p, 0.01, centered=True)},
    "adagrad": lambda p: {"ada": optim.Adagrad(p, 0.01)},
    "groups": lambda p: {"a": optim.AdamW([{"params": [q], "lr": 0.1} for q in p])},
    "exponential": with_scheduler(lambda o: lr_scheduler.ExponentialLR(o, 0.9)),
    "multistep": with_scheduler(lambda o: lr_scheduler.MultiStepLR(o, [2, 4, 4], 0.5)),
    "lambda": with_scheduler(lambda o: lr_scheduler.LambdaLR(o, lambda n: 1 / (n + 1))),
    "one cycle": with_scheduler(lambda o: lr_scheduler.OneCycleLR(o, 0.1, total_steps=50)),
    "cosine": with_scheduler(lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3)),
    "cyclic": with_scheduler(
        lambda o: lr_scheduler.CyclicLR(o, 0.01, 0.1, 2, cycle_momentum=False)
    ),
    "plateau": with_scheduler(lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1)),
    "sequence": with_scheduler(
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.ConstantLR(o, 0.1), lr_scheduler.ExponentialLR(o, 0.9)], [3]
        )
    ),
}


@pytest.mark.parametrize("name", SETUPS)
def test_training_goes_on_from_its_files_as_if_it_had_never_stopped(name, tmp_path):
    warnings.simplefilter("ignore")  # of torch: a new scheduler over a restored optimizer
    trainer, models = fit(setup=SETUPS[name])
    for _ in range(5):
        trainer.run()
    trainer.save_state(tmp_path / "trainer")
    models.save_state(tmp_path / "models")
    assert {file.suffix for file in tmp_path.rglob("*.*")} <= {".safetensors", ".json"}
    again, others = fit(setup=SETUPS[name])
    again.load_state(tmp_path / "trainer")
    others.load_state(tmp_path / "models")
    inference = others.inference_models_dict["net"]._raw_model
    assert torch.equal(inference.weight, others["net"].model.weight)
    for _ in range(3):
        trainer.run()
        again.run()
    assert torch.equal(models["net"].model.weight, others["net"].model.weight)
    assert torch.equal(models["net"].model.bias, others["net"].model.bias)


def test_a_state_of_an_optimizer_that_is_gone_is_named(tmp_path):
    trainer, _ = fit(setup=adam)
    trainer.run()
    trainer.save_state(tmp_path / "t")
    other, _ = fit()
    other.load_state(tmp_path / "t")
    with pytest.raises(KeyError, match=r"optimizer 'adam': has a state.* made only \['sgd'\]"):
        other.run()
    with pytest.raises(ValueError, match="none: expected a directory"):
        other.load_state(tmp_path / "none")


def test_models_of_the_wrong_type_are_refused():
    trainer, models = fit()
    with pytest.raises(TypeError, match="'net': expected a module of Conv2d, found Linear"):
        trainer.get_torch_training_model("net", nn.Conv2d)
    models.data["other"] = type("Other", (), {"inference_thread_only": False})()
    with pytest.raises(TypeError, match="'other': expected a TorchTrainingModel, found Other"):
        trainer.get_torch_training_model("other")


def test_all_trainers_are_attached_and_come_back(tmp_path):
    def make():
        trainers = TrainersDict(first=Fit(adam), second=Fit())
        models = TrainingModelsDict(net=TorchTrainingModel(nn.Linear(1, 1)))
        trainers.attach_training_models(models)
        trainers.attach_data_users(DataUsersDict())
        return trainers

    trainers = make()
    for trainer in trainers.values():
        trainer.run()
    trainers.save_state(tmp_path / "trainers")
    loaded = make()
    loaded.load_state(tmp_path / "trainers")
    assert set(loaded["first"].optimizer_states) == {"adam"}
    assert set(loaded["second"].optimizer_states) == {"sgd"}
