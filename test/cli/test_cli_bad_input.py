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

"""Bad input is refused with the option, what was found and what was expected: exit status 2."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pamiq_ros.cli import checks, options
from pamiq_ros.cli.main import main

CASES = [
    (["demo", "--rate", "5000"], "--rate", "expected double from 0 to 1000, found 5000.0"),
    (["demo", "--rate", "-1"], "--rate", "expected double from 0 to 1000, found -1.0"),
    (["demo", "--rate", "nan"], "--rate", "expected double from 0 to 1000, found nan"),
    (["demo", "--rate", "fast"], "--rate", "expected double from 0 to 1000, found 'fast'"),
    (["demo", "--duration", "0"], "--duration", "expected a positive number of seconds"),
    (["demo", "--duration", "inf"], "--duration", "found 'inf'"),
    (["demo", "--set", "learning_rate"], "--set", "expected key=value, found 'learning_rate'"),
    (["demo", "--params", "missing.yaml"], "--params", "expected a readable file"),
    (["demo", "--config", "missing.yaml"], "--config", "expected a readable file"),
    (["demo", "--config", "list.yaml"], "--config", "expected a mapping of keys to values"),
    (["demo", "--config", "broken.yaml"], "--config", "expected YAML, found broken.yaml"),
    (["demo", "--namespace", "robot 1"], "--namespace", "found 'robot 1'"),
    (["demo", "--log-level", "loud"], "--log-level", "'loud' is not one of"),
    (["demo", "--log-dir", "list.yaml"], "--log-dir", "expected a folder, found a file"),
    (["demo", "--states-dir", "list.yaml"], "--states-dir", "expected a folder, found a file"),
    (["demo", "--report", "missing/r.json"], "--report", "expected an existing folder"),
    (["demo", "--report", "."], "--report", "expected a file, found a folder"),
    (["demo", "--system", "boat"], "SYSTEM", "expected one of curiosity, vae, "),
    (["up", "boat"], "SYSTEM", "found 'boat'"),
    (["up", "boat.py:system"], "SYSTEM", "expected an existing Python file before the ':'"),
    (["up", "boat:"], "SYSTEM", "found 'boat:'"),
    (["up", "vae", "--world", ""], "--world", "found an empty text"),
    (["up", "vae", "--world-kwargs", "{}"], "--world-kwargs", "expected --world beside it"),
    (["up", "vae", "--world", "a", "--world-kwargs", "[1]"], "--world-kwargs", "found '[1]'"),
    (["up", "vae", "--world", "a", "--world-kwargs", "{a: .nan}"], "--world-kwargs", "{a: .nan}"),
    (["up", "vae", "--world", "a", "--world-kwargs", "{"], "--world-kwargs", "YAML mapping"),
    (["up", "vae", "--world", "a", "--world-command", "kick"], "--world-command", "one of twist,"),
    (["up"], "SYSTEM", "Missing argument"),
]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checks, "built_in_systems", lambda: ["curiosity", "vae"])
    (tmp_path / "list.yaml").write_text("- 1\n")
    (tmp_path / "broken.yaml").write_text("a: [1\n")


@pytest.mark.parametrize(("arguments", "option", "text"), CASES, ids=lambda case: str(case))
def test_bad_input_is_refused(arguments, option, text):
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2
    assert option in result.output
    assert text in result.output


def test_a_missing_module_is_told_with_the_way_to_install_it(monkeypatch):
    monkeypatch.setitem(checks._NEEDED["torch"], "wheels_of_a_boat", "ros")
    result = CliRunner().invoke(main, ["demo"])
    assert result.exit_code == 2
    assert "'wheels_of_a_boat'" in result.output
    assert "pip install 'pamiq_ros[ros]'" in result.output


def test_yaml_of_the_world_becomes_json():
    assert checks.world_kwargs_json("{continuous: true, laps: 3}") == (
        '{"continuous": true, "laps": 3}'
    )


def test_help_has_examples_and_says_how_to_stop():
    shown = CliRunner().invoke(main, ["--help"]).output
    assert "pamiq-ros demo --duration 60 --report report.json" in shown
    assert "Ctrl-C" in shown
    for command in ("demo", "up"):
        assert "Examples:" in CliRunner().invoke(main, [command, "--help"]).output


def test_a_wrong_params_file_is_refused_before_any_process_starts(cli):
    run = cli("up", "vae", "--params", "params.yaml", files={"params.yaml": "a:\n  rate: 1\n"})
    assert run.end() == 2
    assert "--params" in run.err
    assert "expected a ROS parameter file, found params.yaml" in run.err
    assert not run.log_dir.exists()


def test_neither_torch_nor_ros_is_imported_to_read_the_command_line(tmp_path):
    import subprocess

    script = (
        "import sys; from pamiq_ros.cli.main import main\n"
        "try: main(['demo', '--rate', '-1'])\n"
        "except SystemExit as end: print(end.code, [m for m in ('torch', 'rclpy', 'rich') "
        "if m in sys.modules])"
    )
    command = [sys.executable, "-c", script]
    root = options.__file__.partition("pamiq_ros/cli")[0]
    found = subprocess.run(command, capture_output=True, text=True, cwd=root)
    assert found.stdout.strip() == "2 []", found.stderr


@pytest.mark.parametrize(
    ("section", "entry", "words"),
    [
        ("/robot1/pamiq_inference", "rate: often", ("rate", "often", "double from 0 to 1000")),
        ("/**/pamiq_inference", "max_linear_velocty: 0.1", ("expected 'max_linear_velocity'",)),
        ("/**/pamiq_inference", "rat: 9.0", ("parameter 'rat'", "expected 'rate'")),
        ("/**/pamiq_control", "auto_start: false", ("pamiq_control", "expected 'autostart'")),
        ("/**", "observation_timout: 0.1", ("section '/**'", "expected 'observation_timeout'")),
    ],
)
def test_what_is_wrong_in_a_params_file_is_named_before_any_process_starts(
    tmp_path, section, entry, words
):
    pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")
    file = tmp_path / "my.yaml"
    file.write_text(f"{section}:\n  ros__parameters:\n    {entry}\n")
    command = [sys.executable, "-m", "pamiq_ros.cli.main", "up", "vae", "--namespace", "robot1"]
    done = subprocess.run(
        [*command, "--params", str(file)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    for word in (*words, str(file)):
        assert word in done.stderr
