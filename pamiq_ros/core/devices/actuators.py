"""Topic actuators: which topic, and what the numbers of an action command there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from typing_extensions import override

from ..interaction import Actuator
from .checks import check_names, check_size, check_topic
from .errors import ActionError
from .interface import Sink, require_robot

AXES = ("linear.x", "linear.y", "linear.z", "angular.x", "angular.y", "angular.z")
"""The axes of a twist: linear in m/s, angular in rad/s (REP 103: positive angular.z turns left)."""


@dataclass(eq=False)
class TopicActuator(Actuator[Tensor]):
    """An actuator that publishes every action on a topic.

    Attributes:
        topic: Topic name; a relative one is in the node's namespace.
    """

    topic: str
    _sink: Sink | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        super().__init__()
        check_topic(self, self.topic)

    @property
    def names(self) -> tuple[str, ...]:
        """What each number of an action is."""
        raise NotImplementedError

    @override
    def setup(self) -> None:
        """Open the topic on the process's robot.

        Raises:
            RuntimeError: No robot is attached.
        """
        super().setup()
        self._sink = require_robot(self, self.topic).open_actuator(self)

    @override
    def operate(self, action: Tensor) -> None:
        """Command an action.

        Args:
            action: Real numbers, [len(names)]; a sequence of floats will do as well.

        Raises:
            ActionError: Another shape, or not finite; nothing was commanded.
            RuntimeError: The actuator is not set up.
        """
        if self._sink is None:
            raise RuntimeError(f"{type(self).__name__} on topic '{self.topic}': not set up")
        values = torch.as_tensor(action).detach()
        if values.shape != (len(self.names),) or values.is_complex():
            raise ActionError(
                self.topic,
                f"expected real numbers of shape [{len(self.names)}], "
                f"found {values.dtype} of shape {list(values.shape)}",
            )
        self._sink.write(values.tolist())

    @override
    def teardown(self) -> None:
        """Command zero and let go of the topic."""
        super().teardown()
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.close()


@dataclass(eq=False)
class TwistTopic(TopicActuator):
    """Velocities: geometry_msgs/Twist or TwistStamped (the node's parameter twist_stamped).

    An action is [len(axes)] in m/s and rad/s; axes that are not named stay 0.

    Attributes:
        topic: Topic name.
        axes: What each number of an action is: of linear.x, linear.y, linear.z, angular.x,
            angular.y and angular.z.
    """

    topic: str = "cmd_vel"
    axes: Sequence[str] = ("linear.x", "angular.z")

    def __post_init__(self) -> None:
        super().__post_init__()
        self.axes = check_names(self, "axes", self.axes, AXES)

    @property
    @override
    def names(self) -> tuple[str, ...]:
        return tuple(self.axes)


@dataclass(eq=False)
class FloatArrayCommandTopic(TopicActuator):
    """std_msgs/Float64MultiArray, as the group controllers of ros2_control take it.

    An action is [size], in the units of whoever receives it; no limits are applied, and stopping
    commands zeros, so it is for velocities and efforts rather than positions.

    Attributes:
        topic: Topic name.
        size: Numbers in an action.
    """

    size: int

    def __post_init__(self) -> None:
        super().__post_init__()
        check_size(self, "size", self.size)

    @property
    @override
    def names(self) -> tuple[str, ...]:
        return tuple(f"element {i}" for i in range(self.size))
