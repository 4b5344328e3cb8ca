"""An avatar in VRChat as a robot: velocities become controller input, its view a camera.

No ROS here. `Avatar` speaks OSC (https://docs.vrchat.com/docs/osc-as-input-controller), `Capture`
reads pictures.
"""

from .avatar import Avatar, AvatarInput, AvatarSpeeds
from .capture import Capture, CaptureError

__all__ = ["Avatar", "AvatarInput", "AvatarSpeeds", "Capture", "CaptureError"]
