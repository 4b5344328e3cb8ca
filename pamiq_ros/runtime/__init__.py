"""The two loops: observe-act at a fixed rate, and train for as long as it likes. No ROS here."""
