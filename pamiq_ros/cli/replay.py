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

"""`pamiq-ros replay`: a bag in place of a robot, with nodes or in lockstep without them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pamiq_ros.bringup import parse_remaps
from pamiq_ros.nodes.tables import REPLAY_PARAMETERS

from .checks import check_installed, error_of, option_error
from .offline import choice_of, output, schedule_options
from .options import with_options
from .up import Request, given_parameters, make_request, parameter_option, run, run_options

_EXAMPLES = """\b
Examples:
  pamiq-ros replay drive vae
  pamiq-ros replay drive vae --start 30 --end 90 --rate 2 --states-dir states
  pamiq-ros replay drive vae --lockstep --train-every 0 --compare
  pamiq-ros replay drive.bag vae --remap /usb_cam/image_raw:=/camera/image_raw
"""
_PARAMETERS = ("rate", "start", "end", "loop", "topics", "compare")
_ONLY_LOCKSTEP = ("train_every", "train_beside", "seed")
_ONLY_NODES = (
    "rate", "loop", "topics", "duration", "report", "params_file", "resume_what_fits", "log_dir",
    "log_level",
)  # fmt: skip
_options = with_options(
    parameter_option("--rate", REPLAY_PARAMETERS, "rate", "RATE"),
    parameter_option("--start", REPLAY_PARAMETERS, "start", "S"),
    parameter_option("--end", REPLAY_PARAMETERS, "end", "S"),
    parameter_option(
        "--loop", REPLAY_PARAMETERS, "loop", help="Start again at the end, until Ctrl-C."
    ),
    click.option(
        "--lockstep", is_flag=True,
        help="Without nodes, step by step in this process: as fast as possible, and with the same "
        "result every time.",
    ),
    schedule_options,
    click.option(
        "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, metavar="N",
        help="Seed of all random generators in lockstep.",
    ),
    parameter_option(
        "--compare", REPLAY_PARAMETERS, "compare",
        help="At the end, print how far the commands were from those in the bag.",
    ),
    click.option(
        "--topic", "topics", multiple=True, metavar="TOPIC",
        help="Replay this topic of the bag and no other; repeatable.",
    ),
    click.option(
        "--remap", "remaps", multiple=True, metavar="BAG_TOPIC:=TOPIC",
        help="Replay a topic under another name; repeatable.",
    ),
    run_options,
)  # fmt: skip


@click.command(epilog=_EXAMPLES)
@click.argument("bag")
@click.argument("system")
@_options
def replay(bag: str, system: str, **choices: Any) -> None:
    """Run SYSTEM on the messages in BAG, as if they were sent now.

    BAG is a recording by `pamiq-ros record` or `ros2 bag`, or one of ROS 1. The nodes take their
    time from it, and run as on a robot: commands go to cmd_vel. Velocity commands in the bag are
    not replayed unless they are named. The nodes stay on this machine, unless
    ROS_AUTOMATIC_DISCOVERY_RANGE says otherwise.
    """
    if choices["lockstep"]:
        _replay_in_lockstep(bag, system, choices)
    else:
        sys.exit(run(_request(bag, system, choices)))


def _request(bag: str, system: str, choices: Mapping[str, Any]) -> Request:
    context = click.get_current_context()
    for name in _ONLY_LOCKSTEP:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise option_error(name, "expected --lockstep beside it, found none")
    _check_bag(bag)
    try:
        remaps = parse_remaps(choices["remaps"])
    except ValueError as error:
        raise error_of(error) from error
    parameters = {"bag": bag, **given_parameters(choices, _PARAMETERS)}
    of_system = {name: value for name, value in choices.items() if name not in _PARAMETERS}
    return make_request(f"replay · {system}", system, of_system, replay=parameters, remaps=remaps)


def _replay_in_lockstep(bag: str, system: str, choices: Mapping[str, Any]) -> None:
    for name in _ONLY_NODES:
        if choices[name]:
            raise option_error(name, "expected none beside --lockstep, which starts no nodes")
    _check_bag(bag)
    choice = choice_of(system, choices)
    from pamiq_ros.offline import session  # torch takes seconds to import
    from pamiq_ros.offline.runner import Schedule

    schedule = Schedule(choices["train_every"], choices["train_beside"])
    span_s = (choices["start"] or 0.0, choices["end"] or 0.0)
    resume = choices["resume"] or "latest"
    with output() as shown:
        differences = session.replay(choice, Path(bag), span_s, schedule, resume, shown)
    if choices["compare"]:
        for name, value in differences.items():
            click.echo(f"{name} {value:.5g}")


def _check_bag(path: str) -> None:
    check_installed("bags")
    from pamiq_ros.offline.bags import Bag, BagError  # takes a while to import

    try:
        Bag(Path(path)).close()
    except BagError as error:
        raise click.BadParameter(str(error), param_hint="'BAG'") from error
