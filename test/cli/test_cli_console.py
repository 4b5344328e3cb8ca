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

"""The console on a terminal of its own: what a user types, and what he sees."""

import fcntl
import os
import pty
import re
import signal
import stat
import struct
import subprocess
import sys
import termios
import threading
import time

import pytest
from statuses import ACTIVE, FAILED, STOPPED

from pamiq_ros.cli.console import open_history, toolbar
from pamiq_ros.cli.status import Status

DEADLINE_S = 60.0
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()=>][A-B0]?|\r")
CURSOR_WHERE, CURSOR_THERE = b"\x1b[6n", b"\x1b[1;1R"  # what a terminal is asked and answers
CTRL_C, CTRL_D, UP = "\x03", "\x04", "\x1b[A"


class Terminal:
    """A console whose keyboard and screen are the test's."""

    def __init__(self, environment, folder, *arguments):
        self.keyboard, screen = pty.openpty()
        fcntl.ioctl(screen, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))
        self.settings = termios.tcgetattr(screen)
        self.text = ""
        self.read_to = 0
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pamiq_ros.cli.main", "console", *arguments],
            stdin=screen, stdout=screen, stderr=screen, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C is a signal
            env={**environment, "TERM": "xterm", "XDG_STATE_HOME": str(folder)},
        )  # fmt: skip
        self.screen = screen
        threading.Thread(target=self._read, daemon=True).start()

    def type(self, text):
        os.write(self.keyboard, text.encode())

    def line(self, text):
        self.type(text + "\r")

    def sees(self, *texts):
        """Wait until all of these have appeared since the last call."""
        end = time.monotonic() + DEADLINE_S
        while True:
            new = self.text[self.read_to :]
            places = [new.find(text) for text in texts]
            if min(places) >= 0:
                self.read_to += max(p + len(t) for p, t in zip(places, texts, strict=True))
                return
            assert time.monotonic() < end, f"expected {texts}, found {new[-2000:]!r}"
            time.sleep(0.02)

    def end(self):
        return self.process.wait(DEADLINE_S)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def _read(self):
        raw = b""
        while True:
            try:
                new = os.read(self.keyboard, 65536)
            except OSError:
                return
            raw += new
            for _ in range(new.count(CURSOR_WHERE)):
                os.write(self.keyboard, CURSOR_THERE)
            self.text = CONTROL.sub("", raw.decode(errors="replace"))


@pytest.fixture
def console(ros, tmp_path):
    started = []

    def start(*arguments, folder=tmp_path):
        started.append(Terminal(ros.environment, folder, *arguments))
        started[-1].sees("pamiq")
        return started[-1]

    yield start
    for terminal in started:
        terminal.close()


def running_system(ros, namespace=""):
    from running_system import RunningSystem

    system = RunningSystem(ros, namespace)
    system.publish()
    return system


def test_commands_are_carried_out_one_after_the_other(ros, console):
    system = running_system(ros)
    terminal = console()
    terminal.sees("active", "10.00 Hz of 10 Hz", "late p99 0.311 ms", "weights 12", "updates 2,240")
    terminal.line("pause")
    terminal.sees("\npaused")
    system.answers["resume"] = (False, "pamiq_inference refused 'activate'")
    terminal.line("resume")
    terminal.sees("Error: pamiq_inference refused 'activate'")
    terminal.line("save")
    terminal.sees("2026-11-21_09-35-25.595515")
    terminal.line("status")
    terminal.sees("active for 0:42", "p50 0.084  p99 0.311  max 2.75 ms")
    terminal.line("metrics --json")
    terminal.sees('{"reconstruction": {"first": 0.4123')
    terminal.line("params control rate 20")
    terminal.sees("rate = 20.0")
    terminal.line("params control rate fast")
    terminal.sees("expected double, 0 to 1000, found 'fast'")
    terminal.line("drive")
    terminal.sees("No such command 'drive'")
    terminal.line("params 'control")
    terminal.sees("No closing quotation")
    terminal.line("help")
    terminal.sees(
        "Stop the robot and the learning",
        "Save a state",
        "Stop the robot, then",
        "Leave; the system",
    )
    terminal.line("help params")
    terminal.sees("params inference rate 20")
    terminal.line("shutdown")
    terminal.sees("Stop the robot and end the nodes of '/'? [y/N]")
    terminal.line("n")
    terminal.sees("not shut down")
    assert system.called == ["pause", "resume", "save_state"]
    terminal.line("shutdown")
    terminal.sees("[y/N]")
    terminal.line("y")
    terminal.sees("\nshutdown")
    assert system.called[3:] == ["shutdown"]
    terminal.line("quit")
    assert terminal.end() == 0


def test_keys_do_what_they_do_elsewhere(ros, console, tmp_path):
    system = running_system(ros)
    terminal = console()
    terminal.sees("active")
    terminal.type("metri\t")
    terminal.sees("cs")
    terminal.type(CTRL_C)  # clears the line
    terminal.type("params cont\t")
    terminal.sees("rol")
    terminal.type(" ov\t")
    terminal.sees("errides")
    terminal.line("")
    terminal.sees('overrides = ["a=1"]')
    system.answers["pause"] = None
    terminal.line("pause")
    terminal.sees("pause\n")
    while "pause" not in system.called:
        time.sleep(0.01)
    terminal.type(CTRL_C)
    terminal.sees("no longer waiting")
    terminal.type(CTRL_D)
    assert terminal.end() == 0
    system.close()
    kept = tmp_path / "pamiq_ros" / "history"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert "+pause\n" in kept.read_text()
    again = console()
    again.type(UP)
    again.sees("pause")


def test_the_system_may_come_later_go_away_and_come_back(ros, console):
    terminal = console("--namespace", "robot1", "--timeout", "3")
    terminal.sees(" /robot1>", "no system yet")
    terminal.line("pause")
    terminal.sees("no system answers in the namespace '/robot1'", "--namespace robot1")
    system = running_system(ros, "robot1")
    terminal.sees("10.00 Hz")
    terminal.line("pause")
    terminal.sees("\npaused")
    system.publish(STOPPED)
    terminal.sees("stopped: waiting for weights")
    system.leave()
    terminal.sees("no system: silent for 0:0")
    terminal.line("pause")
    terminal.sees("no system answers")
    back = running_system(ros, "robot1")
    terminal.sees("10.00 Hz")
    terminal.line("resume")
    terminal.sees("\nactive")
    assert back.called == ["resume"]


def test_a_console_that_is_ended_leaves_the_terminal_as_it_was(console):
    terminal = console()
    terminal.sees("no system yet")
    assert termios.tcgetattr(terminal.screen) != terminal.settings
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 128 + signal.SIGTERM
    assert termios.tcgetattr(terminal.screen) == terminal.settings


def test_a_history_that_can_not_be_kept_is_told(tmp_path):
    (tmp_path / "file").touch()
    history, problem = open_history(tmp_path / "file" / "history")
    assert "the history is not saved" in problem
    history.append_string("pause")  # for as long as the console runs
    assert history.get_strings() == ["pause"]


def test_a_history_of_others_becomes_the_users_alone(tmp_path):
    path = tmp_path / "history"
    path.touch(0o644)
    assert open_history(path)[1] == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def shown(status, silent_s=0.1, problem=""):
    return "".join(text for _, text in toolbar(status and Status(status), silent_s, problem))


def test_the_toolbar_tells_how_it_is():
    assert shown(None, None) == "no system yet"
    active = "active · 10.00 Hz of 10 Hz · late p99 0.311 ms · weights 12 · updates 2,240"
    assert shown(ACTIVE) == active
    assert shown(STOPPED).endswith("weights 0 · updates 2,240 · stopped: waiting for weights")
    assert shown(FAILED).splitlines()[1].startswith("pamiq_inference: camera/image_raw: encoding")
    assert shown(FAILED).splitlines()[2] == "to do: pamiq/resume has pamiq_inference try again"
    assert shown(ACTIVE, 75.0) == "no system: silent for 1:15, last active"
    assert shown({"state": "shutdown"}, 75.0) == "shutdown"
    assert shown(ACTIVE, 0.1, "/pamiq/status: expected a JSON object").startswith("/pamiq/status")
    assert shown({"state": "starting", "configuration_error": "rate:\nno"}).endswith("\nrate: no")
