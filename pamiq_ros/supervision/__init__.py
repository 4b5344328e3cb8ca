"""What the control node decides, without ROS: the way from state to state, and the status."""
