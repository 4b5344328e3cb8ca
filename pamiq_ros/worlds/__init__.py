"""A Gymnasium environment as a robot: commands held, steps in real time. No ROS here.

`World` steps the environment, `action_map` makes its actions of velocities.
"""

from .action_map import AXES, ActionMap, ActionTerm, array_map, twist_map
from .gym_world import Episode, Outcome, World, WorldError, parse_kwargs

__all__ = [
    "AXES",
    "ActionMap",
    "ActionTerm",
    "Episode",
    "Outcome",
    "World",
    "WorldError",
    "array_map",
    "parse_kwargs",
    "twist_map",
]
