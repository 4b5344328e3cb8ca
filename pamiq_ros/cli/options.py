"""The options that the commands share, checked before any process starts."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from pamiq_ros.bringup import GraphOptions, ReplayOptions, WorldOptions
from pamiq_ros.bringup.options import LOG_LEVELS

from .checks import check_config, check_installed, check_report, check_system, option_error

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Request:
    """What the command line asks for.

    Attributes:
        graph: The graph to run.
        title: What is run, in a word or two.
        duration_s: How long to run, in s from when the nodes are active; None without end.
        report: File for the report; None for no file.
        log_dir: Folder for the nodes' logs; None for a temporary one.
    """

    graph: GraphOptions
    title: str
    duration_s: float | None = None
    report: Path | None = None
    log_dir: Path | None = None


def positive(unit: str) -> Callable[..., float | None]:
    """A click callback that takes nothing but a positive, finite number.

    Args:
        unit: What it counts, for the error message.
    """

    def convert(_: click.Context, param: click.Parameter, value: str | None) -> float | None:
        if value is None:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not 0.0 < number < math.inf:
            text = f"expected a positive number of {unit}, found {value!r}"
            raise option_error(param.opts[0], text)
        return number

    return convert


def absolute_namespace(_: click.Context, __: click.Parameter, value: str) -> str:
    """A click callback that makes a namespace absolute, and takes no other text for one."""
    try:
        return GraphOptions(namespace=value).absolute_namespace
    except ValueError as error:
        raise option_error("--namespace", str(error).partition(": ")[2]) from error


def with_options(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """A decorator that gives a command several options, in this order."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


set_option = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE",
    help="Override a value of the system's configuration; repeatable.",
)  # fmt: skip
config_option = click.option(
    "--config", metavar="FILE", help="YAML file with the system's configuration."
)
shared_options = with_options(
    click.option(
        "--duration", callback=positive("seconds"), metavar="S",
        help="Stop after S seconds, counted from when the nodes are active.",
    ),
    click.option(
        "--report", metavar="FILE", help="Write the report, one JSON object, at the end."
    ),
    set_option,
    config_option,
    click.option(
        "--params", metavar="FILE",
        help="ROS parameter file for every node, in place of the one that comes with the package. "
        "Options of this command win over it.",
    ),
    click.option("--namespace", metavar="NAME", default="", help="ROS namespace, such as robot1."),
    click.option("--states-dir", metavar="DIR", help="Folder for saved states."),
    click.option(
        "--resume", metavar="STATE",
        help="State to go on from: latest (the default), none, or the id of one.",
    ),
    click.option(
        "--resume-what-fits", is_flag=True,
        help="Of a state of another configuration take what fits instead of refusing it.",
    ),
    click.option(
        "--log-dir", metavar="DIR",
        help="Keep the nodes' logs here. Without it they are kept only when something went wrong.",
    ),
    click.option("--log-level", type=click.Choice(LOG_LEVELS), help="Log level of the nodes."),
)  # fmt: skip


rate_option = click.option(
    "--rate", callback=positive("Hz"), metavar="HZ",
    help="Ticks per second; without it the system's own.",
)  # fmt: skip


def make_request(
    title: str,
    system: str,
    world: WorldOptions | None,
    choices: Mapping[str, Any],
    replay: ReplayOptions | None = None,
) -> Request:
    """Put what was chosen together, and check it.

    Args:
        title: What is run, in a word or two.
        system: The system's name.
        world: The simulated world; None for a real robot.
        choices: The values of the shared options, by name.
        replay: The bag to replay; None for a robot or a world.

    Raises:
        click.UsageError: An option is wrong; names it, what was found and what was expected.
    """
    check_system(system)
    graph = _graph_options(system, world, replay, choices)
    check_config(graph.system_config)
    check_report(choices["report"])
    log_dir = Path(choices["log_dir"]) if choices["log_dir"] else None
    if log_dir is not None and log_dir.exists() and not log_dir.is_dir():
        raise option_error("--log-dir", f"expected a folder, found a file at {log_dir}")
    check_installed(with_world=world is not None)
    return Request(
        graph=graph,
        title=title,
        duration_s=choices["duration"],
        report=Path(choices["report"]) if choices["report"] else None,
        log_dir=log_dir,
    )


def _graph_options(
    system: str,
    world: WorldOptions | None,
    replay: ReplayOptions | None,
    choices: Mapping[str, Any],
) -> GraphOptions:
    try:
        return GraphOptions(
            system=system,
            namespace=choices["namespace"],
            rate=choices.get("rate") or 0.0,
            overrides=choices["overrides"],
            params_file=choices["params"] or "",
            system_config=choices["config"] or "",
            states_dir=choices["states_dir"] or "",
            resume=choices["resume"] or "",
            resume_what_fits=choices["resume_what_fits"] or None,
            log_level=choices["log_level"] or "",
            world=world,
            replay=replay,
        )
    except ValueError as error:
        name, _, text = str(error).partition(": ")
        raise option_error(name, text) from error
