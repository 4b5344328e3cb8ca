"""pamiq_ros: robots that keep learning while they drive, as three ROS 2 nodes.

Importing this package is cheap: the rooms (`pamiq_ros.core` first) are imported by name.
"""

__version__ = "0.1.0"
