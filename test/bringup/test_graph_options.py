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

"""The graph as users choose it: nodes, parameters, and errors before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pamiq_ros.bringup import (
    GraphOptions,
    NodeDescription,
    absolute_namespace,
    graph,
    parse_remaps,
)
from pamiq_ros.nodes.tables import TABLES


def by_name(nodes: list[NodeDescription]) -> dict[str, NodeDescription]:
    return {node.name: node for node in nodes}


def test_the_robot_graph_has_three_nodes_and_ends_with_control() -> None:
    nodes = graph(GraphOptions())
    assert [node.name for node in nodes] == ["pamiq_inference", "pamiq_training", "pamiq_control"]
    assert [node.name for node in nodes if node.ends_graph] == ["pamiq_control"]
    assert all(node.respawn for node in nodes)
    assert all(node.params_file is None for node in nodes)


def test_what_is_not_chosen_is_left_to_the_parameter_file() -> None:
    nodes = graph(GraphOptions(world={}))
    assert len(nodes) == 4
    assert all(node.parameters == {} for node in nodes)


def test_choices_reach_the_nodes_that_they_concern(tmp_path: Path) -> None:
    config = tmp_path / "system.yaml"
    config.touch()
    both = {
        "system": "vae",
        "overrides": ["latent_size=16"],
        "system_config": str(config),
        "states_dir": str(tmp_path / "states"),
        "resume": "none",
        "resume_what_fits": True,
    }
    of_inference = {
        "rate": 20.0,
        "max_linear_velocity": 0.0,
        "max_angular_velocity": 0.5,
        "twist_stamped": True,
        "frame_id": "base",
    }
    options = GraphOptions(
        {**both, **of_inference, "autostart": False},
        world={"env_id": "CarRacing-v3", "env_kwargs": "{continuous: true}"},
        use_sim_time=True,
    )
    nodes = by_name(graph(options))
    both["use_sim_time"] = True
    assert nodes["pamiq_inference"].parameters == {**both, **of_inference}
    assert nodes["pamiq_training"].parameters == both
    assert nodes["pamiq_control"].parameters == {"autostart": False, "use_sim_time": True}
    assert nodes["pamiq_world"].parameters == {
        "env_id": "CarRacing-v3",
        "env_kwargs": "{continuous: true}",
        "command": "twist_stamped",
        "use_sim_time": True,
    }


def test_paths_are_absolute_for_processes_that_run_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my.yaml").touch()
    monkeypatch.chdir(tmp_path)
    options = GraphOptions(
        {"system_config": "my.yaml", "states_dir": "states"}, params_file="my.yaml"
    )
    training = by_name(graph(options))["pamiq_training"]
    assert training.params_file == tmp_path / "my.yaml"
    assert training.parameters["system_config"] == str(tmp_path / "my.yaml")
    assert training.parameters["states_dir"] == str(tmp_path / "states")


@pytest.mark.parametrize("namespace", ["robot1", "/robot1", "robot1/"])
def test_a_namespace_holds_all_nodes(namespace: str) -> None:
    nodes = graph(GraphOptions(world={}, namespace=absolute_namespace(namespace)))
    assert {node.namespace for node in nodes} == {"/robot1"}
    assert by_name(nodes)["pamiq_control"].full_name == "/robot1/pamiq_control"


def test_without_a_namespace_names_are_at_the_root() -> None:
    assert graph(GraphOptions())[0].full_name == "/pamiq_inference"


def test_arguments_name_the_node_and_both_parameter_files(tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    given.touch()
    options = GraphOptions(namespace="/r1", log_level="debug", params_file=str(given))
    node = graph(options, remappings=[("cmd_vel", "base/cmd_vel")])[0]
    arguments = node.ros_arguments(tmp_path / "chosen.yaml")
    text = " ".join(arguments)
    assert arguments[0] == "--ros-args"
    assert "-r __node:=pamiq_inference -r __ns:=/r1 -r cmd_vel:=base/cmd_vel" in text
    assert text.index("given.yaml") < text.index("chosen.yaml"), "the later file wins"
    assert text.endswith("--log-level debug")


def test_parameters_are_written_for_the_node_by_its_full_name() -> None:
    options = GraphOptions({"system": "vae", "overrides": ["name='x: \"y\"'"]}, namespace="/r1")
    content = yaml.safe_load(graph(options)[0].parameters_yaml())
    assert content == {
        "/r1/pamiq_inference": {
            "ros__parameters": {"system": "vae", "overrides": ["name='x: \"y\"'"]}
        }
    }


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ({"parameters": {"overrides": ["size"]}}, r"overrides: expected key=value, found 'size'"),
        ({"parameters": {"overrides": ["=3"]}}, r"overrides: expected key=value, found '=3'"),
        ({"params_file": "/nowhere.yaml"}, r"params_file: expected a readable file.*/nowhere.yaml"),
        ({"params_file": "/"}, r"params_file: expected a readable file"),
        ({"replay": {"bag": "/nowhere"}}, r"bag: expected a folder or a file, found .* /nowhere"),
        ({"parameters": {"system_config": "/nowhere"}}, r"system_config: expected a readable file"),
        (
            {"parameters": {"states_dir": __file__}},
            r"states_dir: expected a folder, found a file at",
        ),
    ],
)
def test_a_wrong_choice_is_named_with_what_was_expected(
    choices: dict[str, object], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        GraphOptions(**choices)  # type: ignore[arg-type]


def test_a_node_that_is_started_again_goes_on_from_its_newest_state() -> None:
    for resume, again in (("none", "latest"), ("2026-01-01_00-00-00.000000", "latest")):
        node = by_name(graph(GraphOptions({"resume": resume})))["pamiq_training"]
        assert node.parameters["resume"] == resume
        assert node.restarted.parameters["resume"] == again
    node = by_name(graph(GraphOptions()))["pamiq_training"]
    assert node.restarted == node


def test_a_replay_stands_in_for_the_robot_and_is_the_nodes_time(tmp_path: Path) -> None:
    replay = {"bag": str(tmp_path), "start": 2.0}
    options = GraphOptions({"system": "vae"}, replay=replay, remaps=parse_remaps(["/a:=/b"]))
    nodes = by_name(graph(options))
    assert [*nodes] == ["pamiq_replay", "pamiq_inference", "pamiq_training", "pamiq_control"]
    assert all(node.parameters["use_sim_time"] is True for node in nodes.values())
    player = nodes["pamiq_replay"]
    assert player.ends_graph and not player.respawn
    assert player.remappings == (("/a", "/b"),)
    assert player.parameters == {"bag": str(tmp_path), "start": 2.0, "use_sim_time": True}


@pytest.mark.parametrize(
    ("node", "name", "text", "error"),
    [
        ("inference", "rate", "-1.0", r"expected double from 0 to 1000, found -1.0"),
        ("inference", "rate", "5000", r"expected double from 0 to 1000, found 5000.0"),
        ("inference", "rate", "nan", r"found nan"),
        ("inference", "rate", "fast", r"expected double from 0 to 1000, found 'fast'"),
        ("inference", "max_linear_velocity", "-0.1", r"expected double from 0 .* found -0.1"),
        ("inference", "max_angular_velocity", "inf", r"found inf"),
        ("inference", "twist_stamped", "maybe", r"expected bool, found 'maybe'"),
        ("training", "niceness", "2.5", r"expected integer from 0 to 19, found '2.5'"),
        ("world", "command", "kick", r"expected one of twist, .* found 'kick'"),
        ("replay", "rate", "-1", r"expected double from 0.001 to 1e\+06, found -1"),
        ("replay", "start", "nan", r"found nan"),
    ],
)
def test_a_value_is_checked_by_the_row_of_its_parameter(
    node: str, name: str, text: str, error: str
) -> None:
    [row] = [row for row in TABLES[f"pamiq_{node}"] if row.name == name]
    with pytest.raises(ValueError, match=error):
        row.parse(text)


@pytest.mark.parametrize(
    ("node", "name", "text", "value"),
    [
        ("inference", "rate", "20", 20.0),
        ("inference", "twist_stamped", "true", True),
        ("inference", "overrides", "a=1 'b=x y'", ["a=1", "b=x y"]),
        ("training", "niceness", "3", 3),
        ("world", "command", "array", "array"),
    ],
)
def test_a_text_becomes_a_value_of_the_parameters_type(
    node: str, name: str, text: str, value: object
) -> None:
    [row] = [row for row in TABLES[f"pamiq_{node}"] if row.name == name]
    found = row.parse(text)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", ["my robot", "1st", "a//b"])
def test_a_wrong_namespace_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=f"namespace: expected names .* found '{text}'"):
        absolute_namespace(text)


@pytest.mark.parametrize("text", ["a", "a:=", ":=b", "a:=b:=c"])
def test_a_wrong_remap_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="remap: expected BAG_TOPIC:=TOPIC, found"):
        parse_remaps([text])
