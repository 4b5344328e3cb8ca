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

"""What the displays show for the statuses of a run."""

import io

import pytest
from rich.console import Console
from statuses import ACTIVE, CROWDED, FAILED, STARTING, STOPPED

from pamiq_ros.bringup.log_tail import Notice
from pamiq_ros.cli.display import LiveDisplay, PlainDisplay
from pamiq_ros.cli.status import Status
from pamiq_ros.cli.view import View, draw, line

NOTICES = [Notice("WARN", f"pamiq_training_{i}", "the buffer [is] full " * 9) for i in range(3)]


def view(content, **changes):
    status = None if content is None else Status(content)
    return View(**{"title": "demo · vae", "status": status, "elapsed_s": 42.0, **changes})


def picture(shown, notices=(), width=80):
    console = Console(file=io.StringIO(), width=width, height=24, force_terminal=False)
    console.print(draw(shown, notices, width))
    return console.file.getvalue()


def test_the_picture_has_the_figures_of_a_run():
    shown = picture(view(ACTIVE, duration_s=60.0))
    for expected in (
        "demo · vae", "active", "0:42 of 1:00", "10.00 Hz of 10 Hz", "1,420 ticks",
        "p50 0.084  p99 0.311  max 2.75 ms", "p50 12.3  p99 48.8 ms", "driving",
        "version 12 acts, 13 is the newest", "███░░░░░░░░░░░░░░░░░░░░░  1,415 of 10,000", "2,240",
        "0.412 → 0.131  -68 %", "training 1", "Ctrl-C stops the robot", "0 lost",
    ):  # fmt: skip
        assert expected in shown, f"{expected!r} is missing in\n{shown}"


@pytest.mark.parametrize("content", [None, {}, STARTING, ACTIVE, STOPPED, FAILED, CROWDED])
@pytest.mark.parametrize("stopping", [False, True])
def test_the_picture_fits_a_terminal_of_80_by_24(content, stopping):
    rows = picture(view(content, stopping=stopping), NOTICES).splitlines()
    assert len(rows) <= 23
    assert max(map(len, rows)) <= 80


@pytest.mark.parametrize(
    "content",
    [
        {"state": 3, "report": "none", "errors": "none"},
        {"report": {"inference": [1], "buffers": {"a": 3, "b": {"size": "x"}}, "restarts": 4}},
        {"report": {"training": {"metrics": {"a": {"first": "x"}, "b": 1}}, "experience": []}},
        {"report": {"inference": {"rate_hz": float("nan"), "lateness_ms": {"p50": None}}}},
        {"report": {"buffers": {"a": {"size": 5, "capacity": 0}}, "restarts": {"x": "y"}}},
    ],
)
def test_strange_statuses_are_shown_as_far_as_they_can_be(content):
    assert "tick rate" in picture(view(content))
    assert line(view(content))


def test_a_stopped_robot_is_shown_with_its_reason():
    assert "stopped: waiting for weights" in picture(view(STOPPED))
    assert "robot stopped: waiting for weights" in line(view(STOPPED))
    assert "stops: 1" in picture(view(STOPPED))


def test_the_newest_error_is_shown():
    shown = picture(view(FAILED))
    assert "(1) pamiq_inference: camera/image_raw: encoding '[smoke]'" in shown
    assert "error" in line(view(FAILED))


def test_silence_of_the_control_node_is_shown():
    shown = view(ACTIVE, problem="no status for 0:05")
    assert "no status for 0:05" in picture(shown)
    assert "no status for 0:05" in line(shown)


def test_the_plain_line_has_the_figures_of_a_run():
    assert line(view(ACTIVE, duration_s=60.0)) == (
        "0:42 of 1:00 active | 10 Hz | late p99 0.311 ms | age p50 12.3 ms | weights 12 | "
        "2240 updates | frames 1,415/10,000 | reconstruction 0.412 → 0.131  -68 % | "
        "kl 0.0021 → 0.0153  +629 % | restarts training 1"
    )


def test_plain_lines_come_on_a_change_and_not_at_every_call():
    out, err = io.StringIO(), io.StringIO()
    display = PlainDisplay(out, err)
    for content in (None, None, STARTING, ACTIVE, ACTIVE, STOPPED):
        display.show(view(content))
    assert [row.split("|")[0].strip() for row in out.getvalue().splitlines()] == [
        "0:42 starting",
        "0:42 active",
    ]


def test_the_same_warning_is_printed_once():
    out, err = io.StringIO(), io.StringIO()
    display = PlainDisplay(out, err)
    for notice in (NOTICES[0], NOTICES[0], NOTICES[1]):
        display.notice(notice)
    assert len(err.getvalue().splitlines()) == 2
    assert out.getvalue() == ""


def test_the_live_display_leaves_its_last_picture_on_the_terminal():
    console = Console(file=io.StringIO(), width=80, height=24, force_terminal=True)
    display = LiveDisplay(console)
    display.show(view(STARTING))
    display.notice(NOTICES[0])
    display.close(view(ACTIVE))
    text = console.file.getvalue()
    assert "1,420" in text
    assert "the buffer [is] full" in text
    assert text.endswith("\x1b[?25h")
