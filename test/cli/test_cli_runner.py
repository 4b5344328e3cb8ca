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

"""The exit status with the line that explains it, and the file of `--report`."""

import json

import click
import pytest

from pamiq_ros.cli.checks import check_report
from pamiq_ros.cli.runner import Cause, ExitReason, exit_status, write_report
from pamiq_ros.cli.status import Status

WELL = {"state": "shutdown", "report": {"errors": []}}
ERRORS = {"state": "shutdown", "report": {"errors": ["a", "encoding 'x' can't be converted"]}}


@pytest.mark.parametrize("cause", [Cause.SIGNAL, Cause.DURATION, Cause.GRAPH])
def test_an_orderly_end_is_0(cause):
    assert exit_status(ExitReason(cause, "any"), Status(WELL), [], []) == (0, "")


@pytest.mark.parametrize(
    ("cause", "content", "killed", "failures", "expected", "why"),
    [
        (Cause.CONFIGURATION, WELL, [], [], 2, "no such system"),
        (Cause.FAILURE, WELL, [], [], 1, "no such system"),
        (Cause.SIGNAL, WELL, ["pamiq_training"], [], 1, "pamiq_training had to be killed"),
        (Cause.SIGNAL, WELL, [], ["it died of signal 11"], 1, "it died of signal 11"),
        (Cause.SIGNAL, None, [], [], 1, "before the control node published a status"),
        (Cause.DURATION, {"state": "active"}, [], [], 1, "found 'active'"),
        (Cause.DURATION, ERRORS, [], [], 1, "2 errors, the newest: encoding 'x'"),
    ],
)
def test_anything_else_is_told(cause, content, killed, failures, expected, why):
    status = None if content is None else Status(content)
    code, text = exit_status(ExitReason(cause, "no such system"), status, killed, failures)
    assert code == expected
    assert why in text


def test_the_higher_count_of_restarts_is_written(tmp_path):
    path = tmp_path / "report.json"
    report = {"system": "vae", "restarts": {"inference": 2, "training": 0, "control": 0}}
    write_report(path, report, {"inference": 1, "training": 3, "world": 0})
    assert json.loads(path.read_text()) == {
        "system": "vae",
        "restarts": {"inference": 2, "training": 3, "control": 0},
    }


def test_a_report_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, {"system": "old"}, {})
    with pytest.raises(ValueError, match="JSON"):
        write_report(path, {"rate_hz": float("nan")}, {})
    assert json.loads(path.read_text())["system"] == "old"
    assert [found.name for found in tmp_path.iterdir()] == ["report.json"]


def test_readers_see_the_old_report_or_the_new_one(tmp_path):
    path = tmp_path / "report.json"
    write_report(path, {"system": "old"}, {})
    with path.open() as reader:
        write_report(path, {"system": "new", "errors": ["x" * 100_000]}, {})
        assert json.load(reader)["system"] == "old"
    assert json.loads(path.read_text())["system"] == "new"


def test_a_place_that_cannot_work_is_refused(tmp_path):
    with pytest.raises(click.BadParameter, match="expected a file, found a folder"):
        check_report(str(tmp_path))
    with pytest.raises(click.BadParameter, match="expected an existing folder"):
        check_report(str(tmp_path / "missing" / "report.json"))
    check_report(str(tmp_path / "report.json"))
