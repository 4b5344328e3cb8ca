"""A differential-drive robot with a USB camera: the camera's driver and the graph.

    ros2 launch ./robot.launch.py states_dir:=states

The base's own driver must be running. It must stop by itself when it receives no cmd_vel.
"""

from pathlib import Path

from launch import LaunchDescription
from launch.actions import DeclareLaunchArgument, IncludeLaunchDescription
from launch.launch_description_sources import PythonLaunchDescriptionSource
from launch.substitutions import LaunchConfiguration, PathJoinSubstitution
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

HERE = Path(__file__).resolve().parent
SYSTEM = "size=tiny min_speed=-0.1 max_speed=0.2 max_turn=0.8"


def generate_launch_description() -> LaunchDescription:
    """Start the camera's driver and the three nodes."""
    camera = Node(
        package="usb_cam",
        executable="usb_cam_node_exe",
        parameters=[
            {"video_device": LaunchConfiguration("video_device")},
            {
                "framerate": 30.0,
                "image_width": 320,
                "image_height": 240,
                "pixel_format": "yuyv2rgb",
            },
        ],
        remappings=[("image_raw", "camera/image_raw")],
        respawn=True,  # after the camera was unplugged; the robot is stopped meanwhile
    )
    launch_file = [FindPackageShare("pamiq_ros"), "launch", "continual.launch.py"]
    graph = IncludeLaunchDescription(
        PythonLaunchDescriptionSource(PathJoinSubstitution(launch_file)),
        launch_arguments={
            "system": "curiosity",
            "overrides": SYSTEM,
            "params_file": str(HERE / "robot.yaml"),
            "states_dir": LaunchConfiguration("states_dir"),
            "autostart": LaunchConfiguration("autostart"),
        }.items(),
    )
    return LaunchDescription(
        [
            DeclareLaunchArgument("video_device", default_value="/dev/video0"),
            DeclareLaunchArgument("states_dir", default_value="states"),
            DeclareLaunchArgument("autostart", default_value="false"),
            camera,
            graph,
        ]
    )
