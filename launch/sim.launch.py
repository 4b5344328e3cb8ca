"""The graph with a simulated world for a robot: ros2 launch pamiq_ros sim.launch.py."""

from launch import LaunchDescription
from pamiq_ros.bringup.launch_actions import graph_launch_description


def generate_launch_description() -> LaunchDescription:
    """Describe the graph; `--show-args` lists the arguments."""
    return graph_launch_description(world=True)
