"""Console: a prompt with the live state below it, for a system that runs or may come to run."""

from __future__ import annotations

import os
import shlex
import signal
import sys

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.formatted_text import StyleAndTextTuples

from .commands import commands
from .completion import CommandCompleter
from .desk import Desk
from .history import history_path, open_history
from .toolbar import toolbar

_REFRESH_S = 0.5


class Console:
    """Reads commands and carries them out until the user leaves.

    Args:
        desk: The system.

    Raises:
        click.UsageError: There is no terminal to be read from.
    """

    def __init__(self, desk: Desk) -> None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.UsageError(
                "expected a terminal; elsewhere each command works alone, such as `pamiq-ros pause`"
            )
        self._desk = desk
        self._leaving = False
        self._commands = self._with_own(commands)
        history, problem = open_history(history_path(os.environ))
        desk.say(problem or "`help` lists the commands, Ctrl-D leaves")
        self._session: PromptSession[str] = PromptSession(
            message="pamiq> " if desk.namespace == "/" else f"pamiq {desk.namespace}> ",
            history=history,
            completer=CommandCompleter(self._commands, desk),
            complete_in_thread=True,
            complete_while_typing=False,  # it asks nodes, and would cover the toolbar
            bottom_toolbar=self._toolbar,
            refresh_interval=_REFRESH_S,
        )

    def run(self) -> None:
        """Read and carry out, until `quit` or Ctrl-D; the system stays as it is."""
        # Ending by default would leave the terminal without echo.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        while not self._leaving:
            try:
                text = self._session.prompt()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            self._carry_out(text)

    def _carry_out(self, text: str) -> None:
        try:
            words = shlex.split(text)
        except ValueError as error:
            self._desk.say(f"Error: {error} in {text!r}")
            return
        if not words:
            return
        try:
            self._commands.main(words, prog_name="", standalone_mode=False, obj=self._desk)
        except click.ClickException as error:
            self._desk.say(f"Error: {error.format_message()}")
        except (click.Abort, KeyboardInterrupt):
            self._desk.say("no longer waiting; what was asked of the system may go on")

    def _with_own(self, shared: click.Group) -> click.Group:
        @click.command()
        @click.argument("command", required=False)
        @click.pass_context
        def help_(context: click.Context, command: str | None) -> None:
            """Show the commands, or say more of one."""
            assert context.parent is not None
            if command is None:
                self._list()
                return
            found = own.get_command(context.parent, command)
            if found is None:
                raise click.UsageError(
                    f"expected one of {', '.join(own.commands)}, found {command!r}"
                )
            with click.Context(found, info_name=command) as inner:
                self._desk.say(found.get_help(inner))

        @click.command()
        def leave() -> None:
            """Leave; the system stays as it is."""
            self._leaving = True

        own = click.Group(
            commands={**shared.commands, "help": help_, "quit": leave},
            context_settings=shared.context_settings,
        )
        return own

    def _list(self) -> None:
        for name, command in self._commands.commands.items():
            self._desk.say(f"  {name:<10}{command.get_short_help_str(80)}")

    def _toolbar(self) -> StyleAndTextTuples:
        client = self._desk.client
        return toolbar(client.status, client.silent_s, client.problem)
