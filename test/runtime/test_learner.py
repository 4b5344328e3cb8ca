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

"""The learner: trainers run in turn, weights are handed over, faults stay inside."""

import itertools
import threading

import torch

from pamiq_ros.core import (
    Agent,
    Recorder,
    SequentialBuffer,
    StepBatch,
    System,
    TorchTrainer,
    TorchTrainingModel,
)
from pamiq_ros.core.interaction import Actuator, Sensor
from pamiq_ros.runtime.errors import ErrorLog
from pamiq_ros.runtime.learner import Learner


class Adder(TorchTrainer):
    def __init__(self, fail=False):
        super().__init__("numbers", min_buffer_size=4, min_new_data_count=1)
        self.fail = fail

    def on_training_models_attached(self):
        self.model = self.get_torch_training_model("policy")

    def create_optimizers(self):
        return {}

    def train(self):
        if self.fail:
            raise RuntimeError("cannot learn")
        with torch.no_grad():
            self.model.model.weight += 1.0
        self.recorder.scalar("weight", self.model.model.weight.item())


def make_system(**trainers):
    return System(
        agent=Agent,
        sensors=Sensor,
        actuators=Actuator,
        models={"policy": lambda: TorchTrainingModel(torch.nn.Linear(1, 1, bias=False))},
        buffers={"numbers": lambda: SequentialBuffer(16)},
        trainers=trainers,
    )


class Values(Recorder):
    def __init__(self):
        self.values = []

    def scalar(self, name, value):
        self.values.append((name, value))


def run(learner, versions, enough):
    reached = threading.Event()

    def target(parameters):
        versions.append(float(parameters["weight"]))
        if len(versions) >= enough:
            reached.set()

    learner.set_sync_target("policy", target)
    learner.start()
    for index in range(50):
        step = {"x": torch.tensor([float(index)])}
        learner.users.receive("numbers", StepBatch.stack([step] * 4))
        if reached.wait(0.2):
            break
    assert reached.is_set()
    assert learner.stop(10.0)


def test_weights_are_handed_over_at_the_start_and_after_each_run():
    versions, recorder = [], Values()
    learner = Learner(make_system(adder=Adder), recorder, ErrorLog())
    run(learner, versions, 4)
    steps = [second - first for first, second in itertools.pairwise(versions)]
    assert all(abs(step - 1.0) < 1e-5 for step in steps)
    assert learner.updates == len(versions) - 1 == len(recorder.values)
    assert learner.fill()["numbers"]["size"] >= 4


def test_no_training_before_there_is_enough():
    learner = Learner(make_system(adder=Adder), Recorder(), ErrorLog())
    learner.start()
    learner.users.receive("numbers", StepBatch.stack([{"x": torch.zeros(1)}] * 3))
    assert learner.stop(10.0)
    assert learner.updates == 0


def test_a_trainer_that_raises_is_named_and_the_others_go_on():
    errors, versions = ErrorLog(), []
    system = make_system(bad=lambda: Adder(fail=True), good=Adder)
    run(Learner(system, Recorder(), errors), versions, 3)
    assert "trainer 'bad'" in errors.texts()[0] and "cannot learn" in errors.texts()[0]


def test_training_goes_on_after_a_pause():
    versions = []
    learner = Learner(make_system(adder=Adder), Recorder(), ErrorLog())
    run(learner, versions, 3)
    before = learner.updates
    run(learner, versions, len(versions) + 3)
    assert learner.updates > before


def test_a_run_that_does_not_end_in_time_is_told_and_training_goes_on():
    training, train_on = threading.Event(), threading.Event()

    class Slow(Adder):
        def train(self):
            training.set()
            train_on.wait(10.0)
            super().train()

    learner = Learner(make_system(slow=Slow), Recorder(), ErrorLog())
    learner.set_sync_target("policy", lambda parameters: None)
    learner.start()
    learner.users.receive("numbers", StepBatch.stack([{"x": torch.zeros(1)}] * 4))
    assert training.wait(10.0)
    assert not learner.stop(timeout=0.05)
    assert learner.running
    train_on.set()
    assert learner.stop(10.0)
    assert not learner.running


class Noisy(Adder):
    """Moves the weight at random, by momentum: its state is in weights, optimiser and generator."""

    def create_optimizers(self):
        return {"sgd": torch.optim.SGD(self.model.model.parameters(), lr=0.1, momentum=0.9)}

    def train(self):
        batch = self.get_data_user("numbers").sample(4)["x"]
        loss = (self.model.model(batch) * torch.rand(4, 1)).square().mean()
        self.optimizers["sgd"].zero_grad()
        loss.backward()
        self.optimizers["sgd"].step()


def weight(learner):
    return float(learner.models["policy"].model.weight)


def train_once(learner, number):
    learner.users.receive("numbers", StepBatch.stack([{"x": torch.tensor([float(number)])}] * 4))
    assert learner._trainers["noisy"].run()


def test_from_a_state_training_goes_on_to_the_bit(tmp_path):
    first = Learner(make_system(noisy=Noisy), Recorder(), ErrorLog())
    first.set_sync_target("policy", lambda parameters: None)
    for number in range(3):
        train_once(first, number)
    tmp_path.joinpath("state").mkdir()
    first.save_state(tmp_path / "state")
    for number in range(3, 6):
        train_once(first, number)

    second = Learner(make_system(noisy=Noisy), Recorder(), ErrorLog())
    second.set_sync_target("policy", lambda parameters: None)
    second.load_state(tmp_path / "state")
    for number in range(3, 6):
        train_once(second, number)
    assert weight(second) == weight(first)


def test_states_are_saved_between_runs_while_training_goes_on(tmp_path):
    learner = Learner(make_system(adder=Adder), Recorder(), ErrorLog())
    versions = []
    learner.set_sync_target("policy", lambda parameters: versions.append(1))
    learner.start()
    step = StepBatch.stack([{"x": torch.zeros(1)}] * 4)
    for index in range(10):
        learner.users.receive("numbers", step)
        before = tmp_path / str(index - 1) if index else None
        (path := tmp_path / str(index)).mkdir()
        learner.save_state(path, before, timeout=10.0)
    assert learner.stop(10.0)
    for index in range(10):
        again = Learner(make_system(adder=Adder), Recorder(), ErrorLog())
        again.load_state(tmp_path / str(index))
        assert again.fill()["numbers"]["size"] == min(16, 4 * (index + 1))


def test_what_does_not_fit_is_left_out_if_that_is_wanted(tmp_path):
    learner = Learner(make_system(adder=Adder), Recorder(), ErrorLog())
    learner.users.receive("numbers", StepBatch.stack([{"x": torch.zeros(1)}] * 4))
    (tmp_path / "state").mkdir()
    learner.save_state(tmp_path / "state")
    system = make_system(adder=Adder, more=Adder)
    system.models["policy"] = lambda: TorchTrainingModel(torch.nn.Linear(2, 1, bias=False))
    other, left_out = Learner(system, Recorder(), ErrorLog()), []
    other.load_state(tmp_path / "state", left_out.append)
    assert other.fill()["numbers"]["size"] == 4
    assert [text.partition(":")[0] for text in left_out] == ["models/policy", "trainers/more"]
    assert "[2, 1]" in left_out[0] or "1, 2" in left_out[0]
