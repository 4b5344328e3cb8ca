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

"""TrainingFaults: the policy for trainers that raise and for weights that are not finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pamiq_ros.core.model import NotFiniteError

from .errors import raised

RETRY, RELOAD, STOP, EXIT = "retry", "reload", "stop", "exit"

MOST_RELOADS = 3
"""Most reloads from one state. A fault that recurs so often will recur again."""


@dataclass
class TrainingFaults:
    """Decides what happens after a fault of a trainer.

    Attributes:
        on_error: Policy for a trainer that raises: `retry` after one second, `reload` models and
            trainers from the newest state, `stop` training, or `exit` the whole system.
        on_not_finite: Policy for a trainer that leaves NaN or infinity in its models.
        give_up: Called with the fault if the policy is `exit`.
        newest_state: Returns the name of the newest state and a function that loads it, or None.
    """

    on_error: str = RETRY
    on_not_finite: str = RELOAD
    give_up: Callable[[str], object] = lambda text: None
    newest_state: Callable[[], tuple[str, Callable[[], object]] | None] = lambda: None
    _reloads: dict[str, int] = field(default_factory=dict)

    def decide(self, where: str, error: BaseException) -> tuple[str, str]:
        """Apply the policy. The training thread calls it.

        Args:
            where: Name of the trainer, for the log.
            error: The exception.

        Returns:
            `retry`, `stop` or `exit`, and the fault in one line.
        """
        if isinstance(error, NotFiniteError):
            policy, text = self.on_not_finite, f"{where}: {error}"
        else:
            policy, text = self.on_error, f"{where} raised {raised(error)}"
        if policy != RELOAD:
            return policy, text
        reloaded, what = self._reload()
        return (RETRY if reloaded else STOP), f"{text}; {what}"

    def _reload(self) -> tuple[bool, str]:
        try:
            found = self.newest_state()
            if found is None:
                return False, "there is no state to reload"
            name, load = found
            count = self._reloads.get(name, 0) + 1
            if count > MOST_RELOADS:
                return False, f"state {name} was reloaded {MOST_RELOADS} times, to no avail"
            self._reloads = {name: count}
            load()
        except Exception as error:  # states are loaded by code of users, and disks fail
            return False, f"the newest state could not be reloaded: {raised(error)}"
        return True, f"models and trainers reloaded from state {name}"
