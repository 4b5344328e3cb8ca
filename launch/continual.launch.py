"""The graph for a robot on topics: ros2 launch pamiq_ros continual.launch.py system:=vae."""

from launch import LaunchDescription
from pamiq_ros.bringup.launch_actions import graph_launch_description


def generate_launch_description() -> LaunchDescription:
    """Describe the graph; `--show-args` lists the arguments."""
    return graph_launch_description()
