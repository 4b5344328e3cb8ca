"""TrainingFaults: what becomes of training when a trainer raises or its weights are not finite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pamiq_ros.core.model import NotFiniteError

from .errors import raised

RETRY, RELOAD, STOP, EXIT = "retry", "reload", "stop", "exit"

MOST_RELOADS = 3
"""From one state; what went wrong so often from there goes wrong again."""


@dataclass
class TrainingFaults:
    """Decides by policy, for a trainer that raised and for weights that are not finite.

    Attributes:
        on_error: What to do when a trainer raises: `retry` after a second, `reload` models and
            trainers from the newest state, `stop` training, or `exit` with the whole system.
        on_not_finite: The same for a trainer that leaves a NaN or an infinity in its models.
        give_up: Called with the fault where the policy is `exit`.
        newest_state: Gives a word for the newest state, and how to load it; None: there is none.
    """

    on_error: str = RETRY
    on_not_finite: str = RELOAD
    give_up: Callable[[str], object] = lambda text: None
    newest_state: Callable[[], tuple[str, Callable[[], object]] | None] = lambda: None
    _reloads: dict[str, int] = field(default_factory=dict)

    def decide(self, where: str, error: BaseException) -> tuple[str, str]:
        """Find out what to do, and reload if that is it; in the training thread.

        Args:
            where: Which trainer it was, for the log.
            error: What it raised.

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
        except Exception as error:  # states are users' code too, and disks fail
            return False, f"the newest state could not be reloaded: {raised(error)}"
        return True, f"models and trainers reloaded from state {name}"
