"""From a node's parameters to its threads' scheduling and to what makes its tick begin."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from rclpy.node import Node

from pamiq_ros.nodes.ros_robot import RosRobot
from pamiq_ros.runtime.actor import Actor
from pamiq_ros.runtime.observation_ticker import ObservationTicker
from pamiq_ros.runtime.scheduling import Scheduling, parse_cpus, prefer_this_thread
from pamiq_ros.runtime.ticker import Ticker
from pamiq_ros.supervision.ros_time import tick_time


def preparation(node: Node) -> Callable[[], None]:
    """What a thread that computes has to call first: its scheduling, its number of torch threads.

    Raises:
        ValueError: The parameter `cpu_affinity` does not fit this machine.
    """
    threads: int = _value(node, "torch_threads")
    try:
        cpus = parse_cpus(_value(node, "cpu_affinity"))
    except ValueError as error:
        raise ValueError(f"parameter 'cpu_affinity': {error}") from error
    scheduling = Scheduling(
        cpus=cpus,
        niceness=_value(node, "niceness", 0),
        policy=_value(node, "scheduling", "other"),
        priority=_value(node, "realtime_priority", 0),
    )

    def prepare() -> None:
        for refused in prefer_this_thread(scheduling):
            node.get_logger().info(f"goes on without: {refused}", once=True)
        # Matrix products take a number that each thread has for itself, every core by default.
        torch.set_num_threads(threads)

    return prepare


def make_ticker(node: Node, rate: float, actor: Actor, robot: RosRobot) -> Ticker:
    """The ticker that the parameters `trigger` and `trigger_topic` ask for.

    Args:
        node: Whose parameters count.
        rate: Ticks per second in Hz; the most, where observations trigger.
        actor: What ticks, set up already.
        robot: Whose observations trigger.

    Raises:
        ValueError: A parameter does not fit this machine, or the system's sensors.
    """
    prepare = preparation(node)
    clock = tick_time(node)
    if _value(node, "trigger") == "rate":
        back = "the clock went back by {:.3f} s: deadlines begin anew"
        return Ticker(
            rate,
            actor.tick,
            prepare=prepare,
            clock=clock,
            on_jump_back=lambda seconds: node.get_logger().warning(back.format(seconds)),
        )
    ticker = ObservationTicker(rate, actor.tick, actor.watch, prepare=prepare, clock=clock)
    try:
        robot.on_observation(_trigger_topic(node, robot), ticker.notify)
    except ValueError as error:
        raise ValueError(f"parameter 'trigger_topic': {error}") from error
    return ticker


def _trigger_topic(node: Node, robot: RosRobot) -> str:
    sensors = robot.sensor_topics()
    every = sorted({topic for topic, _ in sensors})
    if named := _value(node, "trigger_topic"):
        resolved = node.resolve_topic_name(named)
        return resolved if resolved in every else str(named)
    candidates = sorted({topic for topic, is_picture in sensors if is_picture}) or every
    if len(candidates) != 1:
        raise ValueError(
            "expected a topic, since the system has not just one that could be meant; found none; "
            f"its sensors' topics are {', '.join(every) or 'none'}"
        )
    return candidates[0]


def _value(node: Node, name: str, default: Any = None) -> Any:
    return node.get_parameter(name).value if node.has_parameter(name) else default
