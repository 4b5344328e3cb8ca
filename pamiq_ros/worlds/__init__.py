"""Simulated worlds and avatars as robots, without ROS.

`gym_world.py` steps a Gymnasium environment, `action_map.py` maps commands to its actions,
`messages.py` fills the messages of its topics. `vrchat.py` needs no Gymnasium.
"""
