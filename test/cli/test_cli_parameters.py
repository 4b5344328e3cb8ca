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

"""What a node gets: options of the command line win over the parameter file."""

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner
from domains import own_domain

from pamiq_ros.bringup import GraphOptions, graph
from pamiq_ros.bringup.supervisor import RunDirectory
from pamiq_ros.cli import replay, up
from pamiq_ros.cli.main import main

ASK = """
import json, rclpy, sys
rclpy.init(args=sys.argv)
node = rclpy.create_node("any", automatically_declare_parameters_from_overrides=True)
names = ("system", "rate", "overrides", "observation_timeout")
found = {n: node.get_parameter(n).value for n in names if node.has_parameter(n)}
print(json.dumps({"name": node.get_fully_qualified_name(), **found}, default=list))
"""


def asked(process):
    """What a node that was started like this one finds."""
    command = process.command
    at = command.index("--ros-args")
    result = subprocess.run(
        [sys.executable, "-c", ASK, *command[at:]], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def started(tmp_path, monkeypatch):
    pytest.importorskip("rclpy", reason="needs ROS 2 (rclpy), which is not installed")
    monkeypatch.setenv("ROS_DOMAIN_ID", str(own_domain()))
    monkeypatch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

    def start(params="", namespace="/", **parameters):
        (tmp_path / "params.yaml").write_text(params)
        file = str(tmp_path / "params.yaml") if params else ""
        options = GraphOptions(parameters, namespace=namespace, params_file=file)
        run_directory = RunDirectory(tmp_path / "log")
        processes = run_directory.processes(graph(options), {})
        try:
            return asked(next(p for p in processes if p.name == "pamiq_inference"))
        finally:
            run_directory.remove()

    return start


@pytest.mark.parametrize("key", ["/**", "/robot1/pamiq_inference", "/*/pamiq_inference"])
def test_options_win_over_the_params_file(started, key):
    params = f"{key}:\n  ros__parameters:\n    rate: 5.0\n    observation_timeout: 2.0\n"
    found = started(params, system="vae", rate=20.0, namespace="/robot1")
    assert found["name"] == "/robot1/pamiq_inference"
    assert found["rate"] == 20.0
    assert found["observation_timeout"] == 2.0


def test_the_params_file_counts_where_no_option_was_given(started):
    params = "/**:\n  ros__parameters:\n    rate: 5.0\n    system: boat\n"
    found = started(params, system="vae")
    assert (found["rate"], found["system"]) == (5.0, "vae")


def test_any_text_reaches_the_nodes_as_it_is(started):
    texts = ["a: b #c", "'\"\n\t\\", "yes", "1.0", "{x}", "ü →", "-r a:=b", "", " ", "null"]
    found = started(system="vae", overrides=[f"key={text}" for text in texts])
    assert found["overrides"] == [f"key={text}" for text in texts]


@pytest.fixture
def asked_for(monkeypatch):
    """Gives the parameters of each node that a command line asks for, and starts nothing."""
    requests = []
    for module in (up, replay):
        monkeypatch.setattr(module, "run", lambda request: requests.append(request))
    monkeypatch.setattr(up, "check_installed", lambda *_: None)
    monkeypatch.setattr(up, "check_system", lambda _: None)
    monkeypatch.setattr(replay, "_check_bag", lambda _: None)

    def ask(*arguments):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == 0, result.output
        return {node.name: node.parameters for node in graph(requests[-1].graph)}

    return ask


def test_only_what_is_given_is_a_parameter(asked_for):
    both = {"system": "vae"}
    assert asked_for("up", "vae") == {
        "pamiq_inference": both,
        "pamiq_training": both,
        "pamiq_control": {},
    }


def test_options_are_parameters_of_the_nodes_that_have_them(asked_for, tmp_path):
    found = asked_for(
        *("up", "vae", "--rate", "20", "--set", "a=1", "--set", "b=2", "--resume", "none"),
        *("--resume-what-fits", "--states-dir", str(tmp_path)),
        *("--world", "CarRacing-v3", "--world-kwargs", "{a: 1}", "--world-command", "array"),
    )
    both = {
        "system": "vae",
        "overrides": ["a=1", "b=2"],
        "states_dir": str(tmp_path),
        "resume": "none",
        "resume_what_fits": True,
    }
    world = {"env_id": "CarRacing-v3", "env_kwargs": '{"a": 1}', "command": "array"}
    assert found == {
        "pamiq_world": world,
        "pamiq_inference": {**both, "rate": 20.0},
        "pamiq_training": both,
        "pamiq_control": {},
    }


def test_a_rate_of_0_wins_over_the_params_file(asked_for):
    assert asked_for("up", "vae", "--rate", "0")["pamiq_inference"]["rate"] == 0.0


def test_the_options_of_a_replay_are_parameters_of_its_node(asked_for, tmp_path):
    found = asked_for(
        *("replay", str(tmp_path), "vae", "--rate", "2", "--start", "0", "--end", "9"),
        *("--loop", "--topic", "/a", "--topic", "/b"),
    )
    assert found["pamiq_replay"] == {
        "bag": str(tmp_path),
        "rate": 2.0,
        "start": 0.0,
        "end": 9.0,
        "loop": True,
        "topics": ["/a", "/b"],
        "use_sim_time": True,
    }
    assert found["pamiq_inference"] == {"system": "vae", "use_sim_time": True}
