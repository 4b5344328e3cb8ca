"""The topic devices' ROS side: subscriptions, decoding, velocity limits, publishers.

`RosRobot` connects the devices of `pamiq_ros.core.robot` to the topics of a node.
"""

from .limits import AxisLimit, VelocityLimiter
from .ros_robot import RosRobot
from .settings import RobotSettings

__all__ = ["AxisLimit", "RobotSettings", "RosRobot", "VelocityLimiter"]
