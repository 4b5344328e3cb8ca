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
from pamiq_ros.loop.errors import ErrorLog
from pamiq_ros.loop.learner import Learner


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
    learner.publish_all()
    learner.start()
    for index in range(50):
        step = {"x": torch.tensor([float(index)])}
        learner.receive("numbers", StepBatch.stack([step] * 4))
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
    learner.receive("numbers", StepBatch.stack([{"x": torch.zeros(1)}] * 3))
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
    learner.receive("numbers", StepBatch.stack([{"x": torch.zeros(1)}] * 4))
    assert training.wait(10.0)
    assert not learner.stop(timeout=0.05)
    assert learner.running
    train_on.set()
    assert learner.stop(10.0)
    assert not learner.running
