# Copyright 2026 pamiq_ros maintainers
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
#     http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.

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
