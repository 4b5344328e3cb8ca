"""The commands for a running system, each for the console and as a one-shot of `pamiq-ros`."""

from __future__ import annotations

import json
import sys

import click

from .desk import Desk

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
def pause(desk: Desk) -> None:
    """Hold the robot still and stop learning, until `resume`."""
    desk.say(desk.client.trigger("pamiq/pause", desk.timeout))


@commands.command()
@click.pass_obj
def resume(desk: Desk) -> None:
    """Let the robot act and learn again."""
    desk.say(desk.client.trigger("pamiq/resume", desk.timeout))


@commands.command()
@click.pass_obj
def save(desk: Desk) -> None:
    """Save a state while everything goes on, and print its id."""
    desk.say(desk.client.trigger("pamiq/save_state", desk.timeout))


@commands.command()
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
@click.pass_obj
def shutdown(desk: Desk, yes: bool) -> None:
    """Stop the robot, then end the nodes; asks before it does."""
    if not yes and not sys.stdin.isatty():
        raise click.UsageError("expected --yes, since there is no terminal to ask on")
    if not yes and not _confirmed(f"Stop the robot and end the nodes of '{desk.namespace}'?"):
        desk.say("not shut down")
        click.get_current_context().exit(1)
    desk.say(desk.client.shut_down(desk.timeout))


@commands.command()
@_JSON
@click.pass_obj
def status(desk: Desk, as_json: bool) -> None:
    """Show the state, the figures and the newest errors."""
    found = desk.client.wait_status(desk.timeout)
    if as_json:
        desk.say(json.dumps(found.content))
        return
    from .status_text import status_lines  # rich takes a while to import

    desk.say("\n".join(status_lines(found)))


@commands.command()
@_JSON
@click.pass_obj
def metrics(desk: Desk, as_json: bool) -> None:
    """Show the metrics of training: newest value, first and last tenth."""
    found = desk.client.wait_status(desk.timeout)
    if as_json:
        desk.say(json.dumps(found.table("report", "training", "metrics")))
        return
    from .status_text import metrics_lines  # see `status`

    desk.say("\n".join(metrics_lines(found)) or "no metrics yet")


@commands.command(
    epilog=_PARAMS_EXAMPLES, context_settings={"ignore_unknown_options": True}
)  # so that a negative number is a value
@click.argument("node", required=False)
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.pass_obj
def params(desk: Desk, node: str | None, name: str | None, value: str | None) -> None:
    """List the nodes' parameters, or set one.

    Shows value, type, range and description of the parameters of all nodes, of NODE, or of NAME
    alone; with VALUE sets it. Nodes read most of them when they are configured, and refuse changes
    while they are.
    """
    known = desk.parameters
    if node is None:
        for each in known.nodes():
            _show(desk, each, known.listed(each))
        return
    node = known.node(node)
    if name is None:
        _show(desk, node, known.listed(node))
    elif value is None:
        _show(desk, node, [name])
    else:
        try:
            row = known.set(node, name, value)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="'VALUE'") from error
        desk.say(f"{row.name} = {row.value}")


def _confirmed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort:  # Ctrl-C is a no
        return False


def _show(desk: Desk, node: str, names: list[str]) -> None:
    rows = desk.parameters.rows(node, names)
    desk.say(node)
    for row in rows:
        desk.say(f"  {row.name} = {row.value}   ({row.kind})")
        if row.description:
            desk.say(f"      {row.description}")
