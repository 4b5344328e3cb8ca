"""A bag in place of a robot: ros2 launch pamiq_ros replay.launch.py bag:=drive system:=vae."""

from launch import LaunchDescription
from pamiq_ros.bringup.launch_actions import graph_launch_description


def generate_launch_description() -> LaunchDescription:
    """Describe the graph; `--show-args` lists the arguments."""
    return graph_launch_description(replay=True)
