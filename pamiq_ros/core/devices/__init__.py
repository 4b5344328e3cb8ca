# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

"""Topic devices: the sensors and actuators of a robot, described without ROS.

A system names topics with the classes of this package; they are ordinary `Sensor`s and `Actuator`s,
so wrappers and dicts of them work. What connects them to real topics is the process's `Robot`
(`RosRobot` in the inference node), attached with `attach_robot` before they are set up.
"""

from .actuator import CommandPublisher, TopicActuator, check_command
from .checks import ActionError, ObservationError
from .float_array import FloatArrayCommandTopic, FloatArrayTopic
from .image import ImageTopic
from .imu import ImuTopic
from .joint_state import JointStateTopic
from .laser_scan import LaserScanTopic
from .odometry import OdometryTopic
from .range import RangeTopic
from .robot import Robot, attach_robot, attached_robot
from .sensor import NewestMessage, TopicSensor
from .twist import AXES, TwistTopic

__all__ = [
    "AXES",
    "ActionError",
    "CommandPublisher",
    "FloatArrayCommandTopic",
    "FloatArrayTopic",
    "ImageTopic",
    "ImuTopic",
    "JointStateTopic",
    "LaserScanTopic",
    "NewestMessage",
    "ObservationError",
    "OdometryTopic",
    "RangeTopic",
    "Robot",
    "TopicActuator",
    "TopicSensor",
    "TwistTopic",
    "attach_robot",
    "attached_robot",
    "check_command",
]
