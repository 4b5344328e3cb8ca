"""The commands for a running system, each for the console and as a one-shot of `pamiq-ros`."""

from __future__ import annotations

import json
import sys

import click

from .command_context import CommandContext

_PARAMS_EXAMPLES = """\b
Examples:
  params
  params inference
  params inference rate
  params inference rate 20
"""
_JSON = click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def commands() -> None:
    """Commands for a running system; `help COMMAND` says more of one."""


@commands.command()
@click.pass_obj
def pause(context: CommandContext) -> None:
    """Hold the robot still and stop learning, until `resume`."""
    context.say(context.client.trigger("pamiq/pause", context.timeout))


@commands.command()
@click.pass_obj
def resume(context: CommandContext) -> None:
    """Let the robot act and learn again."""
    context.say(context.client.trigger("pamiq/resume", context.timeout))


@commands.command()
@click.pass_obj
def save(context: CommandContext) -> None:
    """Save a state while everything goes on, and print its id."""
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


@commands.command()
@_JSON
@click.pass_obj
def status(context: CommandContext, as_json: bool) -> None:
    """Show the state, the figures and the newest errors."""
    found = context.client.wait_status(context.timeout)
    if as_json:
        context.say(json.dumps(found.content))
        return
    from .status_text import status_lines  # rich takes a while to import

    context.say("\n".join(status_lines(found)))


@commands.command()
@_JSON
@click.pass_obj
def metrics(context: CommandContext, as_json: bool) -> None:
    """Show the metrics of training: newest value, first and last tenth."""
    found = context.client.wait_status(context.timeout)
    if as_json:
        context.say(json.dumps(found.table("report", "training", "metrics")))
        return
    from .status_text import metrics_lines  # see `status`

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
    alone; with VALUE sets it. Nodes read most of them when they are configured, and refuse changes
    while they are.
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


def _confirmed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort:  # Ctrl-C is a no
        return False


def _show(context: CommandContext, node: str, names: list[str]) -> None:
    rows = context.parameters.rows(node, names)
    context.say(node)
    for row in rows:
        context.say(f"  {row.name} = {row.value}   ({row.kind})")
        if row.description:
            context.say(f"      {row.description}")
