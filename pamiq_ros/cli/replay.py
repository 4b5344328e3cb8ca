"""The options of `pamiq-ros replay`, checked before any process starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from pamiq_ros.bringup import ReplayOptions, parse_remaps

from .checks import check_bags, option_error
from .offline import choice_of, output, schedule_options
from .options import Request, make_request, positive, with_options

_ONLY_NODES = (
    "rate", "loop", "topics", "duration", "report", "params", "resume_what_fits", "log_dir",
    "log_level",
)  # fmt: skip

replay_options = with_options(
    click.option(
        "--rate", callback=positive("seconds of the bag in a second"), metavar="RATE",
        help="How fast; 2 is twice as fast as it was.",
    ),
    click.option(
        "--start", callback=positive("seconds"), metavar="S",
        help="Begin S seconds after the bag's first message.",
    ),
    click.option(
        "--end", callback=positive("seconds"), metavar="S",
        help="End S seconds after the bag's first message.",
    ),
    click.option("--loop", is_flag=True, help="Begin anew at the end, until Ctrl-C."),
    click.option(
        "--lockstep", is_flag=True,
        help="Without nodes, step by step in this process: as fast as that goes, and the same "
        "every time.",
    ),
    schedule_options,
    click.option(
        "--seed", type=click.IntRange(0, 2**31 - 1), default=0, show_default=True, metavar="N",
        help="Seed of all random generators in lockstep.",
    ),
    click.option(
        "--compare", is_flag=True,
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
)  # fmt: skip


def replay_request(bag: str, system: str, choices: Mapping[str, Any]) -> Request:
    """Put what was chosen together, and check it.

    Args:
        bag: The bag to replay.
        system: The system's name.
        choices: The values of all options, by name.

    Raises:
        click.UsageError: Something is wrong; names it, what was found and what was expected.
    """
    context = click.get_current_context()
    for name in ("train_every", "train_beside", "seed"):
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise option_error(name, "expected --lockstep beside it, found none")
    check_bags()
    _check_bag(bag)
    try:
        replay = ReplayOptions(
            bag,
            choices["rate"] or 0.0,
            choices["start"] or 0.0,
            choices["end"] or 0.0,
            choices["loop"],
            choices["topics"],
            parse_remaps(choices["remaps"]),
            choices["compare"],
        )
    except ValueError as error:
        name, _, text = str(error).partition(": ")
        raise option_error(name, text) from error
    rest = {name: value for name, value in choices.items() if name != "rate"}
    return make_request(f"replay · {system}", system, None, rest, replay=replay)


def replay_in_lockstep(bag: str, system: str, choices: Mapping[str, Any]) -> None:
    """Replay a bag without nodes, and print what came of it.

    Args:
        bag: The bag.
        system: The system's name.
        choices: The values of all options, by name.

    Raises:
        click.UsageError: Something is wrong; names it, what was found and what was expected.
    """
    for name in _ONLY_NODES:
        if choices[name]:
            raise option_error(name, "expected none beside --lockstep, which starts no nodes")
    check_bags()
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
    from pamiq_ros.offline.bags import Bag, BagError  # what reads bags takes a while to import

    try:
        Bag(Path(path)).close()
    except BagError as error:
        raise click.BadParameter(str(error), param_hint="'BAG'") from error
