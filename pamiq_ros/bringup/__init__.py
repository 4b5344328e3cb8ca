"""Which nodes run with which parameters, for launch files and `pamiq-ros` alike; their processes.

The names below describe the graph, start nothing and need no ROS. `pamiq-ros` starts, restarts and
stops the processes with the other modules of this package.
"""

from .description import GraphOptions, NodeDescription, absolute_namespace, graph, parse_remaps
from .ros_environment import environment, share_file

__all__ = [
    "GraphOptions",
    "NodeDescription",
    "absolute_namespace",
    "environment",
    "graph",
    "parse_remaps",
    "share_file",
]
