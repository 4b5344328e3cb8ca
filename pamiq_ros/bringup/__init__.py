"""Which nodes run with which parameters, once for the launch files and for `pamiq-ros`.

The names below describe the graph, start nothing and need no ROS. Beside them live the processes
of `pamiq-ros`: started, restarted, stopped in order.
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
