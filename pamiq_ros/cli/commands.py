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

"""The commands for a running system, each for the console and as a command of `pamiq-ros`."""

from __future__ import annotations

import copy
import json
import os
import sys
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click

from pamiq_ros.bringup import environment

from .checks import check_installed
from .options import namespace_option, positive

if TYPE_CHECKING:
    from .node_parameters import NodeParameters
    from .system_client import SystemClient

SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_PARAMS_EXAMPLES = """\b
Examples:
  params
  params inference
  params inference rate
  params inference rate 20
"""
_STATUSES = """Exit status: 0 done, 1 the system refused, 2 the command line is wrong, 3 no system
answers."""
_json_option = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


class CommandContext:
    """The system that commands act on; connects when one needs it.

    Args:
        namespace: Absolute namespace of the nodes.
        timeout: Longest to wait in s; None for the default of the command.
    """

    def __init__(self, namespace: str, timeout: float | None = None) -> None:
        self.namespace = namespace
        self.timeout = timeout

    def __enter__(self) -> CommandContext:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if "client" in self.__dict__:
            self.client.close()

    @cached_property
    def client(self) -> SystemClient:
        """The system.

        Raises:
            click.UsageError: ROS is not installed, or can't be used as it is configured.
        """
        check_installed("ros")
        os.environ.update(environment(os.environ))
        from .system_client import SystemClient  # rclpy takes half a second to import

        try:
            return SystemClient(self.namespace)
        except RuntimeError as error:
            raise click.UsageError(f"ROS could not be started: {error}") from error

    @cached_property
    def parameters(self) -> NodeParameters:
        """The parameters of its nodes."""
        from .node_parameters import NodeParameters  # see `client`

        return NodeParameters(self.client, self.timeout)

    def say(self, text: str) -> None:
        """Print lines; texts of nodes can't move the cursor or change the terminal."""
        click.echo("".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}"
                           for c in text))  # fmt: skip


@click.group(context_settings=SETTINGS)
def commands() -> None:
    """Commands for a running system; `help COMMAND` says more about one."""


@commands.command()
@click.pass_obj
def pause(context: CommandContext) -> None:
    """Stop the robot and the learning, until `resume`."""
    context.say(context.client.trigger("pamiq/pause", context.timeout))


@commands.command()
@click.pass_obj
def resume(context: CommandContext) -> None:
    """Let the robot act and learn again."""
    context.say(context.client.trigger("pamiq/resume", context.timeout))


@commands.command()
@click.pass_obj
def save(context: CommandContext) -> None:
    """Save a state while the system keeps running, and print its id."""
    context.say(context.client.trigger("pamiq/save_state", context.timeout))


@commands.command()
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def shutdown(context: CommandContext, yes: bool) -> None:
    """Stop the robot, then end the nodes; asks before it does."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("expected --yes, since there is no terminal to ask on")
    if not yes and not _confirmed(f"Stop the robot and end the nodes of '{context.namespace}'?"):
        context.say("not shut down")
        click.get_current_context().exit(1)
    context.say(context.client.shut_down(context.timeout))


def _confirmed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort:  # Ctrl-C
        return False


@commands.command()
@_json_option
@click.pass_obj
def status(context: CommandContext, as_json: bool) -> None:
    """Show the state, the statistics and the newest errors."""
    found = context.client.wait_status(context.timeout)
    if as_json:
        context.say(json.dumps(found.content))
        return
    from .view import status_lines  # rich takes a while to import

    context.say("\n".join(status_lines(found)))


@commands.command()
@_json_option
@click.pass_obj
def metrics(context: CommandContext, as_json: bool) -> None:
    """Show the metrics of training: newest value, first and last tenth."""
    found = context.client.wait_status(context.timeout)
    if as_json:
        context.say(json.dumps(found.table("report", "training", "metrics")))
        return
    from .view import metrics_lines  # see `status`

    context.say("\n".join(metrics_lines(found)) or "no metrics yet")


@commands.command(
    epilog=_PARAMS_EXAMPLES, context_settings={"ignore_unknown_options": True}
)  # so that a negative number is a value
@click.argument("node", required=False)
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.pass_obj
def params(context: CommandContext, node: str | None, name: str | None, value: str | None) -> None:
    """List the nodes' parameters, or set one.

    Shows value, type, range and description of the parameters of all nodes, of NODE, or of NAME
    alone; with VALUE sets it. Nodes read most of them at `configure`, and refuse changes while they
    are configured.
    """
    known = context.parameters
    if node is None:
        for each in known.nodes():
            _show(context, each, known.listed(each))
        return
    node = known.node(node)
    if name is None:
        _show(context, node, known.listed(node))
    elif value is None:
        _show(context, node, [name])
    else:
        try:
            row = known.set(node, name, value)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="'VALUE'") from error
        context.say(f"{row.name} = {row.value}")


def _show(context: CommandContext, node: str, names: list[str]) -> None:
    rows = context.parameters.rows(node, names)
    context.say(node)
    for row in rows:
        context.say(f"  {row.name} = {row.value}   ({row.kind})")
        if row.description:
            context.say(f"      {row.description}")


@click.command(context_settings=SETTINGS)
@namespace_option("ROS namespace of the system, such as robot1.")
@click.option(
    "--timeout", metavar="S", callback=positive("seconds"),
    help="Longest to wait in s. Without it 5 s until a system answers at all, and then as long as "
    "it is alive.",
)  # fmt: skip
def console(namespace: str, timeout: float | None) -> None:
    """Watch and steer a running system from a prompt.

    Shows the live state, and takes the commands pause, resume, save, shutdown, status, metrics and
    params. The system may start later, end and start again. Ctrl-D leaves it as it is.
    """
    from .console import Console  # prompt_toolkit takes a while to import

    with CommandContext(namespace, timeout) as context:
        Console(context).run()


def one_shots() -> list[click.Command]:
    """Return each command with the options that select a system."""

    def one_shot(command: click.Command) -> click.Command:
        one = copy.copy(command)
        one.params = [*command.params, *console.params]
        one.callback = _in_context(command)
        one.help = f"{command.help}\n\n{_STATUSES}"
        return one

    return [one_shot(command) for command in commands.commands.values()]


def _in_context(command: click.Command) -> Callable[..., Any]:
    def run(namespace: str, timeout: float | None, **choices: Any) -> None:
        assert command.callback is not None
        with CommandContext(namespace, timeout) as context:
            click.get_current_context().obj = context
            command.callback(**choices)

    return run
