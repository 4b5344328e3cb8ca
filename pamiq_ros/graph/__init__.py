"""The node graph, described once for the launch files and for `pamiq-ros`.

Says which nodes run, with which parameters, in which environment, and what is to be done when one
of them ends. Starts nothing itself and needs no ROS.
"""

from .description import NodeDescription, graph
from .options import GraphOptions, LockstepOptions, ReplayOptions, WorldOptions, parse_remaps
from .places import environment, share_file
from .supervision import BAD_CONFIGURATION, ENDS_WITHIN_S, GAVE_UP, ExitPolicy, Reaction

__all__ = [
    "BAD_CONFIGURATION",
    "ENDS_WITHIN_S",
    "GAVE_UP",
    "ExitPolicy",
    "GraphOptions",
    "LockstepOptions",
    "NodeDescription",
    "Reaction",
    "ReplayOptions",
    "WorldOptions",
    "environment",
    "graph",
    "parse_remaps",
    "share_file",
]
