"""The options of `pamiq-ros replay`, checked before any process starts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from pamiq_ros.bringup import ReplayOptions, parse_remaps

from .checks import check_bags, option_error
from .options import Request, lockstep_options, make_request, positive, with_options

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
    lockstep_options,
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


def _check_bag(path: str) -> None:
    from pamiq_ros.offline.bags import Bag, BagError  # what reads bags takes a while to import

    try:
        Bag(Path(path)).close()
    except BagError as error:
        raise click.BadParameter(str(error), param_hint="'BAG'") from error
