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

"""A learner that saves its states as the training node does; in each of them its parts must agree.

Its model, its optimizer and its trainer count the updates; its buffer holds consecutive numbers,
each in every value of a step.
"""

from __future__ import annotations

from pathlib import Path

import torch

from pamiq_ros.checkpoints import LATEST, Configuration, RetentionPolicy, Saver, StateStore
from pamiq_ros.core import SequentialBuffer, System, TorchTrainer, TorchTrainingModel
from pamiq_ros.core.data import StepBatch, blocks
from pamiq_ros.core.state import load_json, save_json
from pamiq_ros.core.trainer import Recorder
from pamiq_ros.runtime.errors import ErrorLog
from pamiq_ros.runtime.learner import Learner

STEPS, VALUES, NEWS = 1000, 1000, 40
KEPT = 2
BLOCK_BYTES = 2**19
"""Small, so that a buffer that is written in moments has many blocks."""


class CountingTrainer(TorchTrainer):
    """Counts its updates, in the weights too."""

    def __init__(self) -> None:
        super().__init__("steps", min_buffer_size=1, min_new_data_count=1)
        self.updates = 0

    def on_training_models_attached(self) -> None:
        self.model = self.get_torch_training_model("policy")

    def create_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"policy": torch.optim.Adam(self.model.model.parameters())}

    def train(self) -> None:
        self.updates += 1
        self.model.model.weight.grad = torch.zeros(1, 1)
        self.optimizers["policy"].step()
        torch.nn.init.constant_(self.model.model.weight, self.updates)

    def save_state(self, path: Path) -> None:
        super().save_state(path)
        save_json(path / "updates", self.updates)

    def load_state(self, path: Path) -> None:
        super().load_state(path)
        self.updates = load_json(path / "updates")


def zero() -> TorchTrainingModel[torch.nn.Linear]:
    """A model of one weight, which says that there was no update."""
    model = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(model.weight)
    return TorchTrainingModel(model)


def system() -> System:
    """The learner's part of a system."""
    example = {"number": 0, "numbers": torch.zeros(VALUES)}
    return System(
        agent=lambda: None,
        sensors=lambda: None,
        actuators=lambda: None,
        models={"policy": zero},
        buffers={"steps": lambda: SequentialBuffer(STEPS, example=example)},
        trainers={"counting": CountingTrainer},
    )


class SavingLearner:
    """A learner and its states in a folder, taken up as a node does that is started again.

    Args:
        folder: Of the states.
        kept: How many of them are kept.

    Attributes:
        found: Id of the state it goes on from; empty where there is none.
        damages: What was told of states that were passed over.
    """

    def __init__(self, folder: Path, kept: int = KEPT) -> None:
        blocks.BLOCK_BYTES = BLOCK_BYTES
        self.learner = Learner(system(), Recorder(), ErrorLog())
        self.store = StateStore(folder, Configuration("digest", {}), RetentionPolicy(kept))
        self.store.remove_leftovers()
        self.damages: list[str] = []
        self.found = ""
        if found := self.store.find(LATEST, self.damages.append):
            self.learner.load_state(found[0])
            self.learner.updates = found[1]["updates"]
            self.found = found[0].name
        self.number = max(self.numbers(), default=0)

    def numbers(self) -> list[int]:
        """The numbers of the steps in the buffer, oldest first."""
        return [step["number"] for step in self.learner.users["steps"].get_data()]

    def receive(self, count: int = NEWS) -> None:
        """Take the next steps."""
        numbers = range(self.number + 1, self.number + count + 1)
        steps = [{"number": n, "numbers": torch.full((VALUES,), float(n))} for n in numbers]
        self.learner.users.receive("steps", StepBatch.stack(steps))
        self.number += count

    def saver(self) -> Saver:
        """Saves states of the learner."""
        return Saver(
            self.store,
            self.learner.save_state,
            lambda: {"updates": self.learner.updates},
            on_saved=lambda path, took_s: None,
            on_error=lambda error: None,
        )

    def require_agreement(self) -> int:
        """Check that all parts are of one moment; gives the number of updates."""
        trainer = self.learner._trainers["counting"]
        updates = trainer.updates
        assert self.learner.models["policy"].model.weight.item() == updates
        if updates:
            [adam] = trainer.optimizer_states["policy"]["state"].values()
            assert adam["step"].item() == updates
        steps = self.learner.users["steps"].get_data()
        numbers = [step["number"] for step in steps]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert all((step["numbers"] == step["number"]).all() for step in steps)
        return updates
