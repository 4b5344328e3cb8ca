"""LockstepLearner: the training node in lockstep, whose trainers have their turns by steps."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from functools import partial

from rclpy.node import Node

from pamiq_ros.runtime.pace import StepPace
from pamiq_ros.runtime.step_requests import Request
from pamiq_ros.supervision.lockstep import ACTED_TOPIC, TRAINED_TOPIC, Acted, Trained
from pamiq_ros.transport import ExperienceReceiver, WeightsSender

from .lockstep import FLUSH_S, hear, say


class LockstepLearner:
    """Lets the trainers have their turn when the experience of a step has come.

    Args:
        node: The training node.
        pace: The learner's.
        receiver: Of the experience.
        senders: The weights' senders, by model.
        updates: How many runs of trainers there were.
        every: After how many steps the trainers have a turn; 0: never.
        beside: Whether a turn goes on beside the steps up to the next one. What they experience
            is for that one, so that it is kept until then.
    """

    def __init__(
        self,
        node: Node,
        pace: StepPace,
        receiver: ExperienceReceiver,
        senders: Mapping[str, WeightsSender],
        updates: Callable[[], int],
        every: int,
        beside: bool,
    ) -> None:
        self._pace, self._receiver, self._senders = pace, receiver, senders
        self._updates, self._every, self._beside = updates, every, beside and every > 0
        self._kept: defaultdict[str, deque[bytes]] = defaultdict(deque)
        self._say = say(node, TRAINED_TOPIC)
        self.close = hear(node, ACTED_TOPIC, Acted, self._on_acted)

    def receive(self, buffer: str, payload: bytes) -> None:
        """Take experience, now or for the next turn; in the executor."""
        if self._beside:
            self._kept[buffer].append(payload)
        else:
            self._receiver.receive(buffer, payload)

    def release(self) -> None:
        """Receive all that is kept; while there is no turn."""
        for buffer, payloads in list(self._kept.items()):
            while payloads:
                self._receiver.receive(buffer, payloads.popleft())

    def _on_acted(self, acted: Acted) -> None:
        if acted.number and not (self._every and acted.number % self._every == 0):
            return  # nobody waits for an answer
        if acted.number:
            request = Request(partial(self._has_come, acted), partial(self._answer, acted))
            self._pace.requests.put(request)
        elif all(sender.version for sender in self._senders.values()):
            self._answer(acted)

    def _has_come(self, acted: Acted) -> bool:
        """Whether all that was sent is received; of what is kept, no more than that."""
        # No batch has some steps before a turn and some after: it is flushed there.
        while lacking := self._lacking(acted.sent):
            kept = [name for name in lacking if self._kept[name]]
            if not kept:
                return False
            for name in kept:
                self._receiver.receive(name, self._kept[name].popleft())
        return True

    def _lacking(self, sent: Mapping[str, int]) -> list[str]:
        figures = self._receiver.figures().items()
        return [name for name, counts in figures if counts["up_to"] < sent.get(name, 0)]

    def _answer(self, acted: Acted) -> None:
        versions = {name: sender.version for name, sender in self._senders.items()}
        beside = int(self._beside)
        self._say(Trained(acted.number, versions, self._updates(), self._every, beside))


def flush(senders: Mapping[str, WeightsSender]) -> None:
    """Have weights that were handed over published."""
    for sender in senders.values():
        sender.flush(FLUSH_S)
