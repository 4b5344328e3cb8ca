"""A system of two sensors and no model: what it last heard on `left` is the speed it drives at."""

import torch

from pamiq_ros.core import Agent, System
from pamiq_ros.core.devices import FloatArrayTopic, TwistTopic


class Echo(Agent):
    """Drives at the number from the left."""

    def step(self, observation: dict[str, torch.Tensor]) -> list[float]:
        return [float(observation["left"]), 0.0]


def system() -> System:
    """The system."""
    return System(
        agent=Echo,
        sensors={
            "left": lambda: FloatArrayTopic("left", 1),
            "right": lambda: FloatArrayTopic("right", 1),
        },
        actuators=lambda: TwistTopic("cmd_vel"),
    )
