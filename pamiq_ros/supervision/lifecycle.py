"""The managed node's life cycle: which transition leads towards a wanted state.

States and transitions are those of the ROS 2 design article on managed nodes
(https://design.ros2.org/articles/node_lifecycle.html).
"""

from __future__ import annotations

UNCONFIGURED = "unconfigured"
INACTIVE = "inactive"
ACTIVATING = "activating"
ACTIVE = "active"
FINALIZED = "finalized"

_ON_THE_WAY = ("configuring", "cleaningup", ACTIVATING, "deactivating", "shuttingdown")
STATES = frozenset((UNCONFIGURED, INACTIVE, ACTIVE, FINALIZED, *_ON_THE_WAY, "errorprocessing"))
"""The names of all states."""

MAY_RUN = frozenset((ACTIVE, ACTIVATING, "deactivating", "errorprocessing"))
"""The states in which a node may be doing what it does when it is active."""

_TOWARDS = {
    (UNCONFIGURED, INACTIVE): "configure",
    (UNCONFIGURED, ACTIVE): "configure",
    (UNCONFIGURED, FINALIZED): "shutdown",
    (INACTIVE, ACTIVE): "activate",
    (INACTIVE, UNCONFIGURED): "cleanup",
    (INACTIVE, FINALIZED): "shutdown",
    (ACTIVE, INACTIVE): "deactivate",
    (ACTIVE, UNCONFIGURED): "deactivate",
    (ACTIVE, FINALIZED): "deactivate",
}


def next_transition(state: str, wanted: str) -> str | None:
    """The label of the next transition from `state` towards `wanted`.

    Returns:
        None when the node is there already, or when nothing leads there from `state`.
    """
    return _TOWARDS.get((state, wanted))
