"""LockstepActor: the inference node in lockstep, which ticks when it is asked to."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from rclpy.node import Node

from pamiq_ros.nodes.ros_robot import RosRobot
from pamiq_ros.runtime.actor import Actor
from pamiq_ros.runtime.step_requests import Request
from pamiq_ros.runtime.step_ticker import StepTicker
from pamiq_ros.supervision.lockstep import ACTED_TOPIC, STEP_TOPIC, Acted, Step
from pamiq_ros.transport import ExperienceSender, WeightsReceiver

from .lockstep import FLUSH_S, hear, say


class LockstepActor:
    """Ticks when a step is asked for and all that it depends on has come.

    Args:
        node: The inference node.
        actor: Who acts.
        ticker: What ticks.
        trigger: Full name of the topic whose messages make it tick; empty: the time does.
        robot: Whose observations wait to be released.
        receivers: The weights' receivers, by model.
        senders: The experience's senders, by buffer.
    """

    def __init__(
        self,
        node: Node,
        actor: Actor,
        ticker: StepTicker,
        trigger: str,
        robot: RosRobot,
        receivers: Mapping[str, WeightsReceiver],
        senders: Mapping[str, ExperienceSender],
    ) -> None:
        self._clock: Any = node.get_clock()
        self._actor, self._ticker, self._trigger, self._robot = actor, ticker, trigger, robot
        self._receivers, self._senders = receivers, senders
        self._say = say(node, ACTED_TOPIC)
        self.close = hear(node, STEP_TOPIC, Step, self._on_step)

    def _on_step(self, step: Step) -> None:
        if step.number:
            request = Request(partial(self._is_ready, step), partial(self._answer, step))
            self._ticker.requests.put(request)
        elif self._robot.is_connected():
            self._answer(step)

    def _is_ready(self, step: Step) -> bool:
        if self._clock.now().nanoseconds < step.time_ns or not self._robot.has_heard(step.heard):
            return False
        receivers = self._receivers.items()
        if any(receiver.version < step.weights.get(name, 0) for name, receiver in receivers):
            return False
        self._robot.release(step.heard)
        # Newer ones may come at any time, if training goes on beside the steps.
        self._actor.takes_weights = not step.weights or any(
            slot.version < step.weights.get(name, 0) for name, slot in self._actor.slots.items()
        )
        return True

    def _answer(self, step: Step) -> None:
        for sender in self._senders.values() if step.turn else ():
            sender.flush(FLUSH_S)
        sent = {name: sender.figures()["numbered"] for name, sender in self._senders.items()}
        period_ns = round(self._ticker.period * 1e9)
        commands = self._robot.commands()
        self._say(Acted(step.number, sent, period_ns, self._trigger, commands))
