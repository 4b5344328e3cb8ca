"""One-shots: each command for a running system as a command of `pamiq-ros`, and the console."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import click

from .command_context import CommandContext
from .commands import commands
from .options import absolute_namespace, positive

_STATUSES = """Exit status: 0 done, 1 the system said no, 2 the command line is wrong, 3 no system
answers."""


_NAMESPACE = click.Option(
    ["--namespace"], metavar="NAME", default="", callback=absolute_namespace,
    help="ROS namespace of the system, such as robot1.",
)  # fmt: skip
_TIMEOUT = click.Option(
    ["--timeout"], metavar="S", callback=positive("seconds"),
    help="Longest to wait in s. Without it 5 s for a system to answer at all, and then as long as "
    "it gives signs of life.",
)  # fmt: skip


def _with_desk(command: click.Command) -> Callable[..., Any]:
    def run(namespace: str, timeout: float | None, **choices: Any) -> None:
        assert command.callback is not None
        with CommandContext(namespace, timeout) as context:
            click.get_current_context().obj = context
            command.callback(**choices)

    return run


def one_shots() -> list[click.Command]:
    """The commands, each with the options that say which system is meant."""
    made = []
    for command in commands.commands.values():
        one = copy.copy(command)
        one.params = [*command.params, _NAMESPACE, _TIMEOUT]
        one.callback = _with_desk(command)
        one.help = f"{command.help}\n\n{_STATUSES}"
        made.append(one)
    return made


def _console(namespace: str, timeout: float | None) -> None:
    from .console import Console  # prompt_toolkit takes a while to import

    with CommandContext(namespace, timeout) as context:
        Console(context).run()


console = click.Command(
    "console",
    callback=_console,
    params=[_NAMESPACE, _TIMEOUT],
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    help="Watch and steer a running system from a prompt.\n\n"
    "Shows the live state, and takes the commands pause, resume, save, shutdown, status, metrics "
    "and params. The system may come later, go away and come back. Ctrl-D leaves it as it is.",
)
