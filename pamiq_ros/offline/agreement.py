"""Agreement: how far the commands of today are from those that were recorded."""

from __future__ import annotations

from pamiq_ros.offline.bags import Bag

from .recorded_commands import RecordedCommands, is_velocity
from .robot import OfflineRobot


class Agreement:
    """The velocity commands in a bag, beside those of a robot on it.

    Args:
        bag: The bag; its velocity commands are those of topics that the robot has actuators on.
        robot: Whose commands are compared.
    """

    def __init__(self, bag: Bag, robot: OfflineRobot) -> None:
        self._robot = robot
        self._recorded = {
            topic: RecordedCommands(bag, topic, robot.axes[topic])
            for topic in robot.commands
            if is_velocity(bag.topics.get(topic))
        }

    def differences(self, now_ns: int) -> dict[str, float]:
        """How far each axis is from the command recorded last before now, in m/s and rad/s.

        Args:
            now_ns: The bag's time, in ns since 1970.
        """
        found = {}
        for topic, recorded in self._recorded.items():
            if (then := recorded.before(now_ns)) is not None:
                pairs = zip(self._robot.commands[topic], then, strict=True)
                for axis, (ours, theirs) in zip(self._robot.axes[topic], pairs, strict=True):
                    found[f"command_difference {topic} {axis}"] = abs(ours - theirs)
        return found
