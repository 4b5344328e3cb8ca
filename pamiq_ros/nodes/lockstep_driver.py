"""LockstepDriver: asks the inference node for step after step, each when the last one is done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

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
        is_active: Callable[[], bool] = lambda: True,
    ) -> None:
        """Make the topics.

        Args:
            node: The driver's node.
            tell_time: Publishes a time, in ns since 1970, on /clock.
            is_ended: Whether not to wait any more.
            has_learner: Whether there is a training node, whose turn is part of a step.
            is_active: Whether an answer can be expected: a pause may last.
        """
        self.steps = 0
        self._is_active = is_active
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
        self._request(Step(0, time_ns, {}, {}, 0), again=True)
        assert self._acted is not None
        return self._acted

    def follow(
        self,
        ticks: Acted,
        begin_ns: int,
        moments: Iterable[tuple[int, Callable[[], Sequence[str]]]],
        take: Callable[[Acted], object] = lambda acted: None,
        steps: int = 0,
    ) -> None:
        """Let the time of a bag or a world go by, with the ticks that come due in it.

        Args:
            ticks: What `begin` gave.
            begin_ns: The time of the first tick at the earliest, in ns since 1970.
            moments: Times in order, and for each what publishes what there is to observe then and
                gives the full names of the topics.
            take: Called with what was done in each tick, before time goes on.
            steps: Ticks after which to end; 0: at the end of the moments.

        Raises:
            LockstepError: A node does not answer.
        """
        heard: Counter[str] = Counter()
        due_ns = begin_ns
        for time_ns, publish in moments:
            while not ticks.trigger and due_ns < time_ns and not self._done(steps):
                take(self.step(due_ns, heard))
                due_ns += ticks.period_ns
            if self._done(steps):
                return
            # The clock is only told at steps: what is observed counts as received then.
            topics = publish()
            heard.update(topics)
            if ticks.trigger in topics and time_ns >= due_ns:
                take(self.step(time_ns, heard))
                due_ns = time_ns + ticks.period_ns
        if not ticks.trigger:
            take(self.step(due_ns, heard))

    def step(self, time_ns: int, heard: Mapping[str, int]) -> Acted:
        """Have one tick done, and what follows from it.

        Args:
            time_ns: Its time, in ns since 1970.
            heard: How many messages were published so far, by full name of the topic.

        Returns:
            What the tick did.

        Raises:
            LockstepError: A node does not answer.
        """
        weights = self._trained.weights if self._trained is not None else {}
        self.steps += 1
        turn = int(self._is_turn(self.steps))
        self._request(Step(self.steps, time_ns, dict(heard), weights, turn))
        assert self._acted is not None
        return self._acted

    def _done(self, steps: int) -> bool:
        return 0 < steps <= self.steps

    def _request(self, step: Step, again: bool = False) -> None:
        deadline = time.monotonic() + ANSWER_WITHIN_S
        self._answered.clear()
        self._tell_time(step.time_ns)
        self._ask(step)
        while not self._is_answered(step.number):
            if self._is_ended():
                raise LockstepError("ended")
            if not self._is_active():
                deadline = time.monotonic() + ANSWER_WITHIN_S
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
        return self._has_acted(number) and (trained or not self._is_turn(number))

    def _is_turn(self, number: int) -> bool:
        """Whether the learner answers a step: the first of all, and those with a turn."""
        if not self._has_learner or number == 0 or self._trained is None:
            return self._has_learner
        return self._trained.every > 0 and number % self._trained.every == 0

    def _on_acted(self, acted: Acted) -> None:
        self._acted = acted
        self._answered.set()

    def _on_trained(self, trained: Trained) -> None:
        self._trained = trained
        self._answered.set()
