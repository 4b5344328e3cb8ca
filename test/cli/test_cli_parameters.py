"""What a node gets: options of the command line win over the parameter file."""

import json
import subprocess
import sys

import pytest
from domains import own_domain

from pamiq_ros.bringup import GraphOptions, graph
from pamiq_ros.bringup.run_directory import RunDirectory

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

    def start(params="", **choices):
        (tmp_path / "params.yaml").write_text(params)
        choices["params_file"] = str(tmp_path / "params.yaml") if params else ""
        run_directory = RunDirectory(tmp_path / "log")
        processes = run_directory.processes(graph(GraphOptions(**choices)), {})
        try:
            return asked(next(p for p in processes if p.name == "pamiq_inference"))
        finally:
            run_directory.leave()

    return start


@pytest.mark.parametrize("key", ["/**", "/robot1/pamiq_inference", "/*/pamiq_inference"])
def test_options_win_over_the_params_file(started, key):
    params = f"{key}:\n  ros__parameters:\n    rate: 5.0\n    observation_timeout: 2.0\n"
    found = started(params, system="vae", rate=20.0, namespace="robot1")
    assert found["name"] == "/robot1/pamiq_inference"
    assert found["rate"] == 20.0
    assert found["observation_timeout"] == 2.0


def test_the_params_file_counts_where_no_option_was_given(started):
    params = "/**:\n  ros__parameters:\n    rate: 5.0\n    system: boat\n"
    found = started(params, system="vae")
    assert (found["rate"], found["system"]) == (5.0, "vae")


def test_any_text_reaches_the_nodes_as_it_is(started):
    texts = ["a: b #c", "'\"\n\t\\", "yes", "1.0", "{x}", "ü →", "-r a:=b", "", " ", "null"]
    found = started(system="vae", overrides=tuple(f"key={text}" for text in texts))
    assert found["overrides"] == [f"key={text}" for text in texts]
