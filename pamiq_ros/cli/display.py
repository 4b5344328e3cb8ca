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

"""Displays of a run: a live panel on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
import os
import select
import sys
import termios
import time
from collections import deque
from collections.abc import Callable
from typing import IO, Any, TextIO

import click
from rich.console import Console
from rich.live import Live

from pamiq_ros.bringup.log_tail import Notice

from .view import View, draw, line

_LIVE_PERIOD_S = 0.5
_NOTICES_SHOWN = 3
_LINE_PERIOD_S = 2.0
_LATER_LINE_PERIOD_S = 10.0
_LATER_S = 60.0
_REPEAT_S = 10.0
_LONGEST_WAIT_S = 1.0


class LiveDisplay:
    """A panel that is redrawn in place, with the nodes' newest warnings and errors below.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._notices: deque[Notice] = deque(maxlen=_NOTICES_SHOWN)
        self._drawn_s = 0.0
        self._restore_terminal = _hide_control_keys(console.file)
        self._live = Live(console=console, auto_refresh=False)
        self._live.start()

    def show(self, view: View) -> None:
        """Redraw, at most twice a second."""
        if time.monotonic() - self._drawn_s >= _LIVE_PERIOD_S:
            self._draw(view)

    def notice(self, notice: Notice) -> None:
        """Show a warning or an error below the panel, once."""
        if notice not in self._notices:
            self._notices.append(notice)

    def say(self, text: str) -> None:
        """Print a line above the panel."""
        self._console.print(text, markup=False, highlight=False)

    def close(self, view: View) -> None:
        """Draw the last panel and leave it on the terminal."""
        try:
            self._draw(view)
        finally:
            self._live.stop()
            self._restore_terminal()

    def _draw(self, view: View) -> None:
        self._drawn_s = time.monotonic()
        self._live.update(draw(view, self._notices, self._console.width), refresh=True)


def _hide_control_keys(file: IO[str]) -> Callable[[], None]:
    # The terminal's echo of Ctrl-C, ^C, would push the panel one line down.
    try:
        terminal = file.fileno()
        before = termios.tcgetattr(terminal)
    except (OSError, termios.error):
        return lambda: None  # not a terminal
    hidden = [*before]
    hidden[3] &= ~termios.ECHOCTL
    _set_terminal(terminal, hidden)
    return lambda: _set_terminal(terminal, before)


def _set_terminal(terminal: int, attributes: list[Any]) -> None:
    try:
        in_foreground = os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return  # not the controlling terminal, which sends Ctrl-C
    if in_foreground:  # in the background this call would stop the process
        termios.tcsetattr(terminal, termios.TCSANOW, attributes)


class PlainDisplay:
    """A line every two seconds, every ten after the first minute; notices on standard error.

    Args:
        out: Receives the lines.
        err: Receives the nodes' warnings and errors.
    """

    def __init__(self, out: TextIO, err: TextIO) -> None:
        self._out = out
        self._err = err
        self._began_s = time.monotonic()
        self._line_s = self._began_s
        self._state = ""
        self._printed = ""
        self._seen: dict[Notice, float] = {}

    def show(self, view: View) -> None:
        """Print a line if it is due or the state has changed."""
        now = time.monotonic()
        later = now - self._began_s > _LATER_S
        due = self._line_s + (_LATER_LINE_PERIOD_S if later else _LINE_PERIOD_S)
        if now >= due or view.state != self._state:
            self._line_s = now
            self._state = view.state
            self._print(view)

    def notice(self, notice: Notice) -> None:
        """Print a warning or an error, unless it was printed within the last ten seconds."""
        now = time.monotonic()
        self._seen = {n: at for n, at in self._seen.items() if now - at < _REPEAT_S}
        if self._seen.setdefault(notice, now) == now:
            click.echo(f"[{notice.level}] {notice.source}: {notice.text}", file=self._err)

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(text, file=self._out)

    def close(self, view: View) -> None:
        """Print the last line, unless it was printed just now."""
        self._print(view)

    def _print(self, view: View) -> None:
        text = line(view)
        if text != self._printed:
            self._printed = text
            self.say(text)


class SafeDisplay:
    """A display that never blocks or ends the run: the nodes need supervision in any case.

    While the output can't be written, because a pipe is full or Ctrl-S stopped the terminal,
    nothing is shown.

    Args:
        display: The display.

    Attributes:
        lost: Whether the output was closed; nothing is shown from then on.
    """

    def __init__(self, display: LiveDisplay | PlainDisplay) -> None:
        self.lost = False
        self._display = display

    def show(self, view: View) -> None:
        """Show the present state; cheap if called often."""
        self._guarded(lambda: self._display.show(view))

    def notice(self, notice: Notice) -> None:
        """Show a warning or an error of a node."""
        self._guarded(lambda: self._display.notice(notice))

    def say(self, text: str) -> None:
        """Show a line."""
        self._guarded(lambda: self._display.say(text), _LONGEST_WAIT_S)

    def close(self, view: View) -> None:
        """Show the final state and restore the terminal."""
        self._guarded(lambda: self._display.close(view), _LONGEST_WAIT_S)

    def _guarded(self, action: Callable[[], None], wait_s: float = 0.0) -> None:
        if self.lost or not _is_writable(wait_s):
            return
        try:
            action()
        except OSError:
            self.lost = True
            # Text left in Python's buffer would fail again when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _is_writable(within_s: float) -> bool:
    try:
        streams = [stream.fileno() for stream in (sys.stdout, sys.stderr) if stream]
    except OSError:
        return True  # in memory
    return all(select.select([], [stream], [], within_s)[1] for stream in streams)


def make_display() -> SafeDisplay:
    """Return the display that suits the standard output."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a locale without UTF-8 must not end a run
    console = Console()
    if console.is_terminal and not console.is_dumb_terminal:
        return SafeDisplay(LiveDisplay(console))
    return SafeDisplay(PlainDisplay(sys.stdout, sys.stderr))
