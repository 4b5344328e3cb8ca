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

"""Console: a prompt with history and completion, and the live state in a toolbar."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from .commands import CommandContext, commands
from .node_parameters import NodeParameters, short_name
from .status import Status
from .system_client import NoAnswer, Refused
from .view import clock, count, short, tick_rate

_COMPLETION_TIMEOUT_S = 1.0
_REFRESH_S = 0.5
_STALE_S = 3.0
_STATE_STYLES = {
    "active": "fg:ansigreen bold",
    "paused": "fg:ansiyellow bold",
    "error": "fg:ansired bold",
    "shutdown": "fg:ansiblue bold",
}


def history_path(variables: Mapping[str, str]) -> Path:
    """Return the path of the history.

    Args:
        variables: The environment; XDG_STATE_HOME is used if it is absolute, as its specification
            requires.
    """
    chosen = Path(variables.get("XDG_STATE_HOME", ""))
    base = chosen if chosen.is_absolute() else Path.home() / ".local" / "state"
    return base / "pamiq_ros" / "history"


def open_history(path: Path) -> tuple[History, str]:
    """Open the history.

    Args:
        path: Its file, created if it does not exist.

    Returns:
        The history, and why it is not saved; empty if it is.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.fchmod(file, 0o600)
        finally:
            os.close(file)
    except OSError as error:
        return InMemoryHistory(), f"the history is not saved: {error}"
    return _SafeHistory(path), ""


class _SafeHistory(FileHistory):
    """A history whose errors are ignored: a full disk must not keep a user from pausing a robot."""

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError:
            return


class CommandCompleter(Completer):
    """Completes the word before the cursor; run it in a thread, since it calls the nodes.

    Args:
        group: The commands.
        context: The system whose nodes and parameters are completed.
    """

    def __init__(self, group: click.Group, context: CommandContext) -> None:
        self._group = group
        self._parameters = NodeParameters(context.client, _COMPLETION_TIMEOUT_S)
        self._names: dict[str, list[str]] = {}

    def get_completions(
        self, document: Document, complete_event: CompleteEvent
    ) -> Iterable[Completion]:
        """Yield every completion of the word before the cursor."""
        *before, word = document.text_before_cursor.lstrip().split(" ")
        for candidate in self._candidates([b for b in before if b], word):
            if candidate.startswith(word):
                yield Completion(candidate, -len(word), display_meta=self._about(before, candidate))

    def _candidates(self, before: Sequence[str], word: str) -> list[str]:
        if not before or before == ["help"]:
            return sorted(self._group.commands)
        command = self._group.commands.get(before[0])
        if command is None:
            return []
        if word.startswith("-"):
            return [name for p in command.params for name in p.opts if name.startswith("--")]
        return self._of_params(before[1:], word) if before[0] == "params" else []

    def _of_params(self, before: Sequence[str], word: str) -> list[str]:
        try:
            if not before:
                nodes = self._parameters.nodes()
                # Full names are accepted too; they are offered once the user began a word.
                return [short_name(node) for node in nodes] + (nodes if word else [])
            return self._names_of(self._parameters.node(before[0])) if len(before) == 1 else []
        except (NoAnswer, Refused):
            return []

    def _names_of(self, node: str) -> list[str]:
        if node not in self._names:  # they never change
            self._names[node] = self._parameters.listed(node)
        return self._names[node]

    def _about(self, before: Sequence[str], candidate: str) -> str:
        command = None if before else self._group.commands.get(candidate)
        return "" if command is None else command.get_short_help_str(60)


def toolbar(status: Status | None, silent_s: float | None, problem: str = "") -> StyleAndTextTuples:
    """Return the toolbar below the prompt, as pairs of a style and a text.

    Args:
        status: The newest status; None before the first.
        silent_s: Time since it was received in s; None before the first.
        problem: Why the newest message could not be read; empty if it could.
    """
    if problem:
        return [("fg:ansired", _plain(problem))]
    if status is None or silent_s is None:
        return [("bold", "no system yet")]
    if status.state == "shutdown":
        return [(_STATE_STYLES["shutdown"], "shutdown"), ("", _newest_error(status))]
    if silent_s > _STALE_S:
        text = f"no system: silent for {clock(silent_s)}, last {_plain(status.state)}"
        return [("fg:ansired bold", text)]
    style = _STATE_STYLES.get(status.state, "bold")
    hold = _plain(status.text("report", "inference", "hold")).replace("_", " ")
    fragments: StyleAndTextTuples = [
        (style, _plain(status.state)),
        ("", "".join(f" · {part}" for part in _statistics(status))),
    ]
    if hold and status.state == "active":
        fragments.append(("fg:ansiyellow", f" · stopped: {hold}"))
    to_do = f"\nto do: {_plain(status.remedies[0])}" if status.remedies else ""
    return [*fragments, ("fg:ansired", _newest_error(status)), ("fg:ansiyellow", to_do)]


def _statistics(status: Status) -> list[str]:
    inference, training = ("report", "inference"), ("report", "training")
    late = status.number(*inference, "lateness_ms", "p99")
    updates = status.number(*training, "updates")
    return [
        tick_rate(status),
        f"late p99 {short(late)} ms",
        f"weights {count(status.number(*inference, 'weights_version'))}",
        f"updates {count(updates)}",
    ]


def _newest_error(status: Status) -> str:
    newest = status.errors[-1] if status.errors else status.text("configuration_error")
    return f"\n{_plain(newest)}" if newest else ""


def _plain(text: str) -> str:
    return " ".join(text.split())


class Console:
    """Reads commands and runs them until the user leaves.

    Args:
        context: The system.

    Raises:
        click.UsageError: The standard input or output is not a terminal.
    """

    def __init__(self, context: CommandContext) -> None:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise click.UsageError(
                "expected a terminal; elsewhere each command works alone, such as `pamiq-ros pause`"
            )
        self._context = context
        self._leaving = False
        self._commands = self._with_own(commands)
        history, problem = open_history(history_path(os.environ))
        context.say(problem or "`help` lists the commands, Ctrl-D leaves")
        self._session: PromptSession[str] = PromptSession(
            message="pamiq> " if context.namespace == "/" else f"pamiq {context.namespace}> ",
            history=history,
            completer=CommandCompleter(self._commands, context),
            complete_in_thread=True,
            complete_while_typing=False,  # it calls nodes, and would cover the toolbar
            bottom_toolbar=self._toolbar,
            refresh_interval=_REFRESH_S,
        )

    def run(self) -> None:
        """Read and run commands until `quit` or Ctrl-D; the system keeps running."""
        # The default handler would leave the terminal without echo.
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
        while not self._leaving:
            try:
                text = self._session.prompt()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            self._run_command(text)

    def _run_command(self, text: str) -> None:
        try:
            words = shlex.split(text)
        except ValueError as error:
            self._context.say(f"Error: {error} in {text!r}")
            return
        if not words:
            return
        try:
            self._commands.main(words, prog_name="", standalone_mode=False, obj=self._context)
        except click.ClickException as error:
            self._context.say(f"Error: {error.format_message()}")
        except (click.Abort, KeyboardInterrupt):
            self._context.say("no longer waiting; the system may still carry out the command")

    def _with_own(self, shared: click.Group) -> click.Group:
        @click.command()
        @click.argument("command", required=False)
        @click.pass_context
        def help_(context: click.Context, command: str | None) -> None:
            """List the commands, or describe one."""
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
                self._context.say(found.get_help(inner))

        @click.command()
        def leave() -> None:
            """Leave; the system keeps running."""
            self._leaving = True

        own = click.Group(
            commands={**shared.commands, "help": help_, "quit": leave},
            context_settings=shared.context_settings,
        )
        return own

    def _list(self) -> None:
        for name, command in self._commands.commands.items():
            self._context.say(f"  {name:<10}{command.get_short_help_str(80)}")

    def _toolbar(self) -> StyleAndTextTuples:
        client = self._context.client
        return toolbar(client.status, client.silent_s, client.problem)
