"""The inference and the training node in lockstep: step by step, when they are asked to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import String

from pamiq_ros.control.lockstep import (
    ACTED_TOPIC,
    STEP_TOPIC,
    TRAINED_TOPIC,
    Acted,
    Step,
    Trained,
    from_text,
    to_text,
)
from pamiq_ros.loop.pace import StepPace
from pamiq_ros.loop.step_requests import Request
from pamiq_ros.loop.step_ticker import StepTicker
from pamiq_ros.robot import RosRobot
from pamiq_ros.transport import (
    ExperienceReceiver,
    ExperienceSender,
    WeightsReceiver,
    WeightsSender,
)

FLUSH_S = 60.0
_QOS = QoSProfile(depth=100, reliability=ReliabilityPolicy.RELIABLE)
Message = TypeVar("Message", Step, Acted, Trained)


def say(node: Node, topic: str) -> Callable[[Step | Acted | Trained], None]:
    """A function that publishes messages of lockstep."""
    publisher: Publisher[String] = node.create_publisher(String, topic, _QOS)
    return lambda message: publisher.publish(String(data=to_text(message)))


def hear(
    node: Node, topic: str, kind: type[Message], receive: Callable[[Message], object]
) -> Callable[[], object]:
    """Have `receive` called with each message; gives a function that ends it."""

    def on_message(message: String) -> None:
        try:
            content = from_text(kind, message.data)
        except ValueError as error:
            text = f"{topic}: refused a message: {error}"
            node.get_logger().warning(text, throttle_duration_sec=1.0)
            return
        receive(content)

    subscription = node.create_subscription(String, topic, on_message, _QOS)
    return lambda: node.destroy_subscription(subscription)


class LockstepActor:
    """Ticks when a step is asked for and all that it depends on has come.

    Args:
        node: The inference node.
        ticker: What ticks.
        trigger: Full name of the topic whose messages make it tick; empty: the time does.
        robot: Whose observations wait to be released.
        receivers: The weights' receivers, by model.
        senders: The experience's senders, by buffer.
    """

    def __init__(
        self,
        node: Node,
        ticker: StepTicker,
        trigger: str,
        robot: RosRobot,
        receivers: Mapping[str, WeightsReceiver],
        senders: Mapping[str, ExperienceSender],
    ) -> None:
        self._clock: Any = node.get_clock()
        self._ticker, self._trigger, self._robot = ticker, trigger, robot
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
        return True

    def _answer(self, step: Step) -> None:
        for sender in self._senders.values() if step.turn else ():
            sender.flush(FLUSH_S)
        sent = {name: sender.figures()["numbered"] for name, sender in self._senders.items()}
        period_ns = round(self._ticker.period * 1e9)
        commands = self._robot.commands()
        self._say(Acted(step.number, sent, period_ns, self._trigger, commands))


class LockstepLearner:
    """Lets the trainers have their turn when the experience of a step has come.

    Args:
        node: The training node.
        pace: The learner's.
        receiver: Of the experience.
        senders: The weights' senders, by model.
        updates: How many runs of trainers there were.
        every: After how many steps the trainers have a turn; 0: never.
    """

    def __init__(
        self,
        node: Node,
        pace: StepPace,
        receiver: ExperienceReceiver,
        senders: Mapping[str, WeightsSender],
        updates: Callable[[], int],
        every: int,
    ) -> None:
        self._pace, self._receiver, self._senders = pace, receiver, senders
        self._updates, self._every = updates, every
        self._say = say(node, TRAINED_TOPIC)
        self.close = hear(node, ACTED_TOPIC, Acted, self._on_acted)

    def _on_acted(self, acted: Acted) -> None:
        if acted.number and not (self._every and acted.number % self._every == 0):
            return  # nobody waits for an answer
        if acted.number:
            request = Request(partial(self._has_come, acted), partial(self._answer, acted))
            self._pace.requests.put(request)
        elif all(sender.version for sender in self._senders.values()):
            self._answer(acted)

    def _has_come(self, acted: Acted) -> bool:
        figures = self._receiver.figures()
        return all(counts["up_to"] >= acted.sent.get(n, 0) for n, counts in figures.items())

    def _answer(self, acted: Acted) -> None:
        versions = {name: sender.version for name, sender in self._senders.items()}
        self._say(Trained(acted.number, versions, self._updates(), self._every))


def flush(senders: Mapping[str, WeightsSender]) -> None:
    """Have weights that were handed over published."""
    for sender in senders.values():
        sender.flush(FLUSH_S)
