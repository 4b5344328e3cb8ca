"""The node graph, described once for the launch files and for `pamiq-ros`.

Says which nodes run, with which parameters, in which environment, and what is to be done when one
of them ends. Starts nothing itself and needs no ROS.
"""

from .description import NodeDescription, graph
from .options import GraphOptions, ReplayOptions, WorldOptions, parse_remaps
from .places import environment, share_file

__all__ = [
    "GraphOptions",
    "NodeDescription",
    "ReplayOptions",
    "WorldOptions",
    "environment",
    "graph",
    "parse_remaps",
    "share_file",
]
