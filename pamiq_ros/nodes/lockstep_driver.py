"""LockstepDriver: asks the inference node for step after step, each when the last one is done."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from rclpy.node import Node

from pamiq_ros.control.lockstep import ACTED_TOPIC, STEP_TOPIC, TRAINED_TOPIC, Acted, Step, Trained

from .lockstep import hear, say

ANSWER_WITHIN_S = 60.0
_AGAIN_S = 0.1


class LockstepError(RuntimeError):
    """A node does not answer."""


class LockstepDriver:
    """The one who lets time go by.

    Attributes:
        steps: How many were done.
    """

    def __init__(
        self,
        node: Node,
        tell_time: Callable[[int], object],
        is_ended: Callable[[], bool],
        has_learner: bool,
    ) -> None:
        """Make the topics.

        Args:
            node: The driver's node.
            tell_time: Publishes a time, in ns since 1970, on /clock.
            is_ended: Whether not to wait any more.
            has_learner: Whether there is a training node, whose turn is part of a step.
        """
        self.steps = 0
        self._tell_time, self._is_ended, self._has_learner = tell_time, is_ended, has_learner
        self._acted: Acted | None = None
        self._trained: Trained | None = None
        self._answered = threading.Event()
        self._ask = say(node, STEP_TOPIC)
        hear(node, ACTED_TOPIC, Acted, self._on_acted)
        hear(node, TRAINED_TOPIC, Trained, self._on_trained)

    def begin(self, time_ns: int) -> Acted:
        """Wait until the nodes are there and weights have been published.

        Args:
            time_ns: The time until the first step, in ns since 1970.

        Returns:
            What says how ticks begin.

        Raises:
            LockstepError: A node does not answer.
        """
        self._request(Step(0, time_ns, {}, {}), again=True)
        assert self._acted is not None
        return self._acted

    def step(self, time_ns: int, heard: Mapping[str, int]) -> None:
        """Have one tick done, and what follows from it.

        Args:
            time_ns: Its time, in ns since 1970.
            heard: How many messages were published so far, by full name of the topic.

        Raises:
            LockstepError: A node does not answer.
        """
        weights = self._trained.weights if self._trained is not None else {}
        self.steps += 1
        self._request(Step(self.steps, time_ns, dict(heard), weights))

    def _request(self, step: Step, again: bool = False) -> None:
        deadline = time.monotonic() + ANSWER_WITHIN_S
        self._answered.clear()
        self._tell_time(step.time_ns)
        self._ask(step)
        while not self._is_answered(step.number):
            if self._is_ended():
                raise LockstepError("ended")
            if time.monotonic() > deadline:
                who = "learner" if self._has_acted(step.number) else "inference node"
                raise LockstepError(
                    f"step {step.number}: expected an answer of the {who} within "
                    f"{ANSWER_WITHIN_S:g} s, found none"
                )
            if not self._answered.wait(_AGAIN_S):
                self._tell_time(step.time_ns)  # a subscriber of /clock may miss a message
                if again:
                    self._ask(step)
            self._answered.clear()

    def _has_acted(self, number: int) -> bool:
        return self._acted is not None and self._acted.number == number

    def _is_answered(self, number: int) -> bool:
        trained = self._trained is not None and self._trained.number == number
        return self._has_acted(number) and (trained or not self._has_learner)

    def _on_acted(self, acted: Acted) -> None:
        self._acted = acted
        self._answered.set()

    def _on_trained(self, trained: Trained) -> None:
        self._trained = trained
        self._answered.set()
