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

"""`pamiq-ros`: the group of all commands."""

from __future__ import annotations

from importlib import metadata

import click

from .commands import console, one_shots
from .evaluate import analyze, evaluate, export
from .record import record
from .replay import replay
from .train import train
from .up import demo, up

# A backslash-b line keeps click from filling the paragraph after it.
_EXAMPLES = """\b
Examples:
  pamiq-ros demo
  pamiq-ros demo --duration 60 --report report.json
  pamiq-ros up vae --namespace robot1 --rate 20
  pamiq-ros up my_robot.py:system --set learning_rate=0.001 --params robot.yaml
  pamiq-ros console --namespace robot1
  pamiq-ros pause
  pamiq-ros record -o drive
"""
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


def _version() -> str:
    try:
        return metadata.version("pamiq_ros")
    except metadata.PackageNotFoundError:
        return "unknown (the package is not installed)"


@click.group(context_settings=_SETTINGS, epilog=_EXAMPLES)
@click.version_option(_version(), "--version", prog_name="pamiq-ros")
def main() -> None:
    """A robot that keeps learning while it drives.

    `demo` and `up` start the nodes of pamiq_ros where there is no `ros2 launch`, show their state,
    and stop the robot first when they end. Ctrl-C ends them. The other commands are for a running
    system, however it was started.

    The exit status is 0 when all went well, 1 when something failed, 2 when the configuration
    or the command line is wrong, and 3 when no system answers.
    """


for _command in (
    demo, up, replay, record, train, evaluate, export, analyze, console, *one_shots()
):  # fmt: skip
    main.add_command(_command)


if __name__ == "__main__":
    main()
