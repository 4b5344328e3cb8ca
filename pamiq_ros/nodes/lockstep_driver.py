"""LockstepDriver: asks the inference node for step after step, each when the last one is done."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from rclpy.node import Node

from pamiq_ros.supervision.lockstep import (
    ACTED_TOPIC,
    STEP_TOPIC,
    TRAINED_TOPIC,
    Acted,
    Step,
    Trained,
)

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
        self._weights: Mapping[str, int] = {}
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
        ask = partial(self._ask_for, Step(0, time_ns, {}, {}, 0))
        ask()
        self._wait(0, lambda: self._has_acted(0) and self._has_learnt(0), ask)
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

        Returns when the last turn of the learner is over.

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
        self._pass(ticks, begin_ns, moments, take, steps)
        self._await_turn(self._newest_turn(self.steps))

    def _pass(
        self,
        ticks: Acted,
        begin_ns: int,
        moments: Iterable[tuple[int, Callable[[], Sequence[str]]]],
        take: Callable[[Acted], object],
        steps: int,
    ) -> None:
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
        """Have one tick done, once the turn is over whose weights it acts with.

        Args:
            time_ns: Its time, in ns since 1970.
            heard: How many messages were published so far, by full name of the topic.

        Returns:
            What the tick did.

        Raises:
            LockstepError: A node does not answer.
        """
        number = self.steps + 1
        due = self._turn_before(number)
        self._await_turn(due)
        trained = self._trained
        if trained is not None and trained.number == due:  # it may be ahead already
            self._weights = trained.weights
        turn = int(number == self._newest_turn(number))
        self.steps = number
        self._ask_for(Step(number, time_ns, dict(heard), self._weights, turn))
        # A subscriber of /clock may miss a message.
        self._wait(number, lambda: self._has_acted(number), lambda: self._tell_time(time_ns))
        assert self._acted is not None
        return self._acted

    def _done(self, steps: int) -> bool:
        return 0 < steps <= self.steps

    def _ask_for(self, step: Step) -> None:
        self._tell_time(step.time_ns)
        self._ask(step)

    def _await_turn(self, number: int) -> None:
        self._wait(number, lambda: self._has_learnt(number), lambda: None)

    def _wait(
        self, number: int, is_answered: Callable[[], bool], remind: Callable[[], object]
    ) -> None:
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while not is_answered():
            if self._is_ended():
                raise LockstepError("ended")
            if not self._is_active():
                deadline = time.monotonic() + ANSWER_WITHIN_S
            if time.monotonic() > deadline:
                who = "learner" if self._has_acted(number) else "inference node"
                raise LockstepError(
                    f"step {number}: expected an answer of the {who} within "
                    f"{ANSWER_WITHIN_S:g} s, found none"
                )
            if not self._answered.wait(_AGAIN_S):
                remind()
            self._answered.clear()

    def _has_acted(self, number: int) -> bool:
        return self._acted is not None and self._acted.number >= number

    def _has_learnt(self, number: int) -> bool:
        if not self._has_learner:
            return True
        return self._trained is not None and self._trained.number >= number

    def _newest_turn(self, number: int) -> int:
        """The last step up to `number` that the trainers have a turn after; 0: there is none."""
        every = self._trained.every if self._trained is not None else 0
        return number - number % every if every else 0

    def _turn_before(self, number: int) -> int:
        """The step whose turn has to be over before a step is asked for; 0: none has."""
        if self._trained is None or not self._trained.beside:
            return self._newest_turn(number - 1)
        return max(0, self._newest_turn(number) - self._trained.every)

    def _on_acted(self, acted: Acted) -> None:
        self._acted = acted
        self._answered.set()

    def _on_trained(self, trained: Trained) -> None:
        self._trained = trained
        self._answered.set()
