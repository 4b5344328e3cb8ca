"""`pamiq-ros`: starts, watches and stops the nodes where there is no `ros2 launch`."""
