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

"""TorchTrainer: a trainer with optimizers and learning rate schedulers."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, overload

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from ..state import load_tree, save_tree
from ..trainer import Trainer
from .training import TorchTrainingModel

T = TypeVar("T", bound=nn.Module)
StateDict = dict[str, Any]
OptimizersDict = dict[str, Optimizer]
LRSchedulersDict = dict[str, LRScheduler]
OptimizersSetup = OptimizersDict | tuple[OptimizersDict, LRSchedulersDict]

_OPTIMIZER, _LR_SCHEDULER = ".optim", ".lrsch"


class TorchTrainer(Trainer):
    """A trainer of torch models.

    Optimizers and schedulers are made anew before each training and given the state they had
    after the last.

    Attributes:
        optimizers: Those of the training in progress, by name.
        lr_schedulers: Those of the training in progress, by name.
        optimizer_states: State dicts after the last training, by name.
        lr_scheduler_states: State dicts after the last training, by name.
    """

    def __init__(
        self,
        training_condition_data_user: str | None = None,
        min_buffer_size: int = 0,
        min_new_data_count: int = 0,
    ) -> None:
        """Make a trainer; see `Trainer` for the arguments."""
        super().__init__(training_condition_data_user, min_buffer_size, min_new_data_count)
        self.optimizers: OptimizersDict = {}
        self.lr_schedulers: LRSchedulersDict = {}
        self.optimizer_states: dict[str, StateDict] = {}
        self.lr_scheduler_states: dict[str, StateDict] = {}

    @abstractmethod
    def create_optimizers(self) -> OptimizersSetup:
        """Make the optimizers.

        Returns:
            Optimizers by name, or a pair of those and learning rate schedulers by name.
        """

    @overload
    def get_torch_training_model(self, name: str) -> TorchTrainingModel[nn.Module]: ...

    @overload
    def get_torch_training_model(self, name: str, module_cls: type[T]) -> TorchTrainingModel[T]: ...

    def get_torch_training_model(
        self, name: str, module_cls: type[Any] = nn.Module
    ) -> TorchTrainingModel[Any]:
        """The torch training model of a name.

        Args:
            name: Its name.
            module_cls: The class its module must be of.

        Raises:
            KeyError: There is none of that name, or it is never trained.
            TypeError: It is no torch model, or its module is of another class.
        """
        model = self.get_training_model(name)
        if not isinstance(model, TorchTrainingModel):
            raise TypeError(
                f"model '{name}': expected a TorchTrainingModel, found {type(model).__name__}"
            )
        if not isinstance(model.model, module_cls):
            raise TypeError(
                f"model '{name}': expected a module of {module_cls.__name__}, "
                f"found {type(model.model).__name__}"
            )
        return model

    def setup(self) -> None:
        """Make the optimizers and schedulers and give them their states.

        Raises:
            KeyError: There is a state of one that is no longer made; names it.
        """
        super().setup()
        made = self.create_optimizers()
        self.optimizers, self.lr_schedulers = made if isinstance(made, tuple) else (made, {})
        _restore("optimizer", self.optimizers, self.optimizer_states)
        _restore("learning rate scheduler", self.lr_schedulers, self.lr_scheduler_states)

    def teardown(self) -> None:
        """Keep the states of the optimizers and schedulers."""
        super().teardown()
        self.optimizer_states = {k: v.state_dict() for k, v in self.optimizers.items()}
        self.lr_scheduler_states = {k: v.state_dict() for k, v in self.lr_schedulers.items()}

    def save_state(self, path: Path) -> None:
        """Save the states after the last training in the directory `path`.

        Raises:
            TypeError: A state holds something else than tensors and plain values; names it.
        """
        super().save_state(path)
        for suffix, states in self._states().items():
            for name, state in states.items():
                save_tree(path / f"{name}{suffix}", state)

    def load_state(self, path: Path) -> None:
        """Load the states; the next training begins with them.

        Raises:
            ValueError: There is no directory `path`, or a file in it is damaged; names it.
        """
        if not path.is_dir():
            raise ValueError(f"{path}: expected a directory")
        super().load_state(path)
        for suffix, states in self._states().items():
            states.clear()
            for file in path.glob(f"*{suffix}.safetensors"):
                name = file.name.removesuffix(f"{suffix}.safetensors")
                states[name] = load_tree(path / f"{name}{suffix}")

    def _states(self) -> dict[str, dict[str, StateDict]]:
        return {_OPTIMIZER: self.optimizer_states, _LR_SCHEDULER: self.lr_scheduler_states}


def _restore(what: str, made: Mapping[str, Any], states: Mapping[str, StateDict]) -> None:
    for name, state in states.items():
        if name not in made:
            raise KeyError(
                f"{what} '{name}': has a state, but create_optimizers made only {sorted(made)}"
            )
        made[name].load_state_dict(state)
