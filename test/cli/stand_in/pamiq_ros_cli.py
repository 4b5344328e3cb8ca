"""`pamiq-ros` with stand-ins in place of the nodes."""

import dataclasses

from pamiq_ros.bringup import graph, stopping
from pamiq_ros.cli import checks, up
from pamiq_ros.cli.main import main
from pamiq_ros.supervision import exit_policy as supervision


def stand_ins(options):
    """The same nodes of the same graph, from the package of the stand-ins."""
    return [dataclasses.replace(node, package="stand_in") for node in graph(options)]


up.graph = stand_ins
checks.built_in_systems = lambda: ["curiosity", "vae"]
# How the delays before restarts grow has tests of its own, which don't wait for them.
supervision._FIRST_DELAY_S = 0.1
# And for a deaf one nobody waits as long as for a learner that saves.
stopping.ENDS_WITHIN_S = 4.5
main()
