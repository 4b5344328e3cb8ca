"""Topic devices: the sensors and actuators of a robot, described without ROS.

A system names topics with the classes of this package; they are ordinary `Sensor`s and `Actuator`s,
so wrappers and dicts of them work. What connects them to real topics is the process's `Robot`
(`RosRobot` in the inference node), attached with `attach_robot` before they are set up.
"""

from .actuators import AXES, FloatArrayCommandTopic, TopicActuator, TwistTopic
from .errors import ActionError, ObservationError, check_command
from .interface import Robot, Sink, Source, attach_robot, attached_robot
from .sensors import (
    FloatArrayTopic,
    ImageTopic,
    ImuTopic,
    JointStateTopic,
    LaserScanTopic,
    OdometryTopic,
    TopicSensor,
)

__all__ = [
    "AXES",
    "ActionError",
    "FloatArrayCommandTopic",
    "FloatArrayTopic",
    "ImageTopic",
    "ImuTopic",
    "JointStateTopic",
    "LaserScanTopic",
    "ObservationError",
    "OdometryTopic",
    "Robot",
    "Sink",
    "Source",
    "TopicActuator",
    "TopicSensor",
    "TwistTopic",
    "attach_robot",
    "attached_robot",
    "check_command",
]
