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

"""What becomes of training when a trainer raises, or leaves what is not finite, by policy."""

import math
import threading

import pytest
import torch

from pamiq_ros.core import (
    Agent,
    NotFiniteError,
    Recorder,
    SequentialBuffer,
    StepBatch,
    System,
    TorchTrainer,
    TorchTrainingModel,
)
from pamiq_ros.core.interaction import Actuator, Sensor
from pamiq_ros.runtime import learner as learner_module
from pamiq_ros.runtime.errors import ErrorLog
from pamiq_ros.runtime.learner import Learner
from pamiq_ros.runtime.training_faults import MOST_RELOADS, TrainingFaults

DEADLINE_S = 20.0


class Faulty(TorchTrainer):
    """Adds 1 to the weights of both models; does what `fault` says first."""

    def __init__(self, fault):
        super().__init__("numbers", min_buffer_size=1)
        self.fault = fault
        self.runs = 0

    def on_training_models_attached(self):
        self.models = [self.get_torch_training_model(name) for name in ("policy", "critic")]

    def create_optimizers(self):
        return {}

    def train(self):
        self.runs += 1
        self.fault(self)
        with torch.no_grad():
            for model in self.models:
                model.model.weight += 1.0


def raises(trainer):
    raise RuntimeError("cannot learn")


def spoils(index):
    def spoil(trainer):
        with torch.no_grad():
            trainer.models[index].model.weight[0, 0] = math.nan

    return spoil


class Rig:
    """A learner of one weight 0 in each of two models, and what it hands over."""

    def __init__(self, fault, monkeypatch, **policies):
        monkeypatch.setattr(learner_module, "_AFTER_ERROR_S", 0.0)
        self.errors, self.sent, self.ends = ErrorLog(), [], []
        self.trainer = Faulty(fault)
        faults = TrainingFaults(**policies, give_up=self.ends.append)
        module = lambda: torch.nn.Linear(1, 1, bias=False)  # noqa: E731
        system = System(
            agent=Agent,
            sensors=Sensor,
            actuators=Actuator,
            models={
                "policy": lambda: TorchTrainingModel(module()),
                "critic": lambda: TorchTrainingModel(module(), has_inference_model=False),
            },
            buffers={"numbers": lambda: SequentialBuffer(4)},
            trainers={"faulty": lambda: self.trainer},
        )
        self.learner = Learner(system, Recorder(), self.errors, faults=faults)
        for model in self.learner.models.data.values():
            torch.nn.init.zeros_(model.model.weight)
        self.learner.set_sync_target("policy", self._send)
        self.learner.users.receive("numbers", StepBatch.stack([{"x": torch.zeros(1)}]))

    def _send(self, parameters):
        weight = float(parameters["weight"])
        if not math.isfinite(weight):
            raise NotFiniteError("not sent: expected finite numbers, found NaN")
        self.sent.append(weight)

    def run_until(self, condition):
        self.learner.start()
        tick, ended = threading.Event(), False
        for _ in range(int(DEADLINE_S / 0.005)):
            if ended := condition():
                break
            tick.wait(0.005)
        assert ended, f"waited in vain; errors: {self.errors.texts()}"

    def run_until_halted(self):
        self.run_until(lambda: self.learner.halted and not self.learner.running)


def test_what_raises_is_tried_again_until_it_works(monkeypatch):
    rig = Rig(lambda trainer: raises(trainer) if trainer.runs < 4 else None, monkeypatch)
    rig.run_until(lambda: rig.learner.updates)
    assert rig.learner.stop() and not rig.learner.halted
    assert "trainer 'faulty' raised RuntimeError('cannot learn')" in rig.errors.texts()[0]
    assert "(3 times)" in rig.errors.texts()[0] and rig.sent[:2] == [0.0, 1.0]


@pytest.mark.parametrize("fault", [raises, spoils(0), spoils(1)])
def test_training_stops_for_a_fault_and_begins_again_when_it_is_resumed(fault, monkeypatch):
    rig = Rig(fault, monkeypatch, on_error="stop", on_not_finite="stop")
    rig.run_until_halted()
    assert rig.trainer.runs == 1 and rig.learner.updates == 0
    assert rig.learner.halted in rig.errors.texts()[0] and "'faulty'" in rig.learner.halted
    assert rig.learner.stop() and not rig.learner.started
    rig.trainer.fault = lambda trainer: None
    for model in rig.trainer.models:
        torch.nn.init.zeros_(model.model.weight)
    rig.run_until(lambda: rig.learner.updates)
    assert rig.learner.halted == "" and rig.learner.stop()


def test_the_whole_is_given_up_once(monkeypatch):
    rig = Rig(raises, monkeypatch, on_error="exit")
    rig.run_until_halted()
    assert rig.ends == [rig.learner.halted]


@pytest.mark.parametrize("model", [0, 1])
def test_what_is_not_finite_is_reloaded_and_learning_goes_on(model, monkeypatch, tmp_path):
    spoil = spoils(model)
    rig = Rig(lambda trainer: spoil(trainer) if trainer.runs == 3 else None, monkeypatch)

    def newest():
        return "the state", lambda: rig.learner.restore(tmp_path)

    rig.learner._faults.newest_state = newest
    rig.learner.save_state(tmp_path)
    rig.run_until(lambda: rig.learner.updates >= 4)
    assert rig.learner.stop()
    # Twice from 0, reloaded, and from 0 again; the policy may go out before the critic is looked at
    assert [weight for weight in rig.sent if weight != 3.0][:5] == [0.0, 1.0, 2.0, 0.0, 1.0]
    assert "models and trainers reloaded from state the state" in rig.errors.texts()[0]
    assert len(rig.learner.users["numbers"]) == 1, "the experience stays"


@pytest.mark.parametrize("broken", [False, True])
def test_a_reload_that_does_not_help_ends_in_a_stop(broken, monkeypatch, tmp_path):
    def newest():
        if broken:
            raise OSError("the disk is gone")
        return "the state", lambda: rig.learner.restore(tmp_path)

    rig = Rig(spoils(0), monkeypatch, newest_state=newest)
    rig.learner.save_state(tmp_path)
    rig.run_until_halted()
    assert rig.trainer.runs == (1 if broken else MOST_RELOADS + 1)
    assert ("the disk is gone" if broken else "to no avail") in rig.learner.halted
    assert rig.sent == [0.0] * (1 if broken else 1 + MOST_RELOADS)


def test_weights_that_are_not_finite_to_begin_with_are_never_sent(monkeypatch):
    rig = Rig(lambda trainer: None, monkeypatch, on_not_finite="stop")
    rig.learner.models["policy"].model.weight.data.fill_(math.inf)
    rig.run_until_halted()
    assert "the weights to begin with" in rig.learner.halted and rig.trainer.runs == 0


def test_without_a_state_to_reload_training_stops(monkeypatch):
    rig = Rig(spoils(0), monkeypatch)
    rig.run_until_halted()
    assert "there is no state to reload" in rig.learner.halted


def test_what_is_not_finite_never_gets_into_a_state(monkeypatch, tmp_path):
    rig = Rig(spoils(1), monkeypatch)
    rig.run_until_halted()
    with pytest.raises(NotFiniteError, match="weight"):
        rig.learner.save_state(tmp_path)
