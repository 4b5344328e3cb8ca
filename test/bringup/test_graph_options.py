"""The graph as users choose it: nodes, parameters, and errors before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pamiq_ros.bringup import (
    GraphOptions,
    NodeDescription,
    ReplayOptions,
    WorldOptions,
    graph,
    parse_remaps,
)


def by_name(nodes: list[NodeDescription]) -> dict[str, NodeDescription]:
    return {node.name: node for node in nodes}


def test_the_robot_graph_has_three_nodes_and_ends_with_control() -> None:
    nodes = graph(GraphOptions())
    assert [node.name for node in nodes] == ["pamiq_inference", "pamiq_training", "pamiq_control"]
    assert [node.name for node in nodes if node.ends_graph] == ["pamiq_control"]
    assert all(node.respawn for node in nodes)
    assert all(node.params_file is None for node in nodes)


def test_what_is_not_chosen_is_left_to_the_parameter_file() -> None:
    nodes = graph(GraphOptions(world=WorldOptions()))
    assert len(nodes) == 4
    assert all(node.parameters == {} for node in nodes)


def test_choices_reach_the_nodes_that_they_concern(tmp_path: Path) -> None:
    config = tmp_path / "system.yaml"
    config.touch()
    options = GraphOptions(
        system="vae",
        rate=20.0,
        overrides=("latent_size=16",),
        system_config=str(config),
        states_dir=str(tmp_path / "states"),
        resume="none",
        resume_what_fits=True,
        use_sim_time=True,
        autostart=False,
        max_linear_velocity=0.0,
        max_angular_velocity=0.5,
        twist_stamped=True,
        frame_id="base",
        world=WorldOptions("CarRacing-v3", "{continuous: true}"),
    )
    nodes = by_name(graph(options))
    both = {
        "system": "vae",
        "overrides": ["latent_size=16"],
        "system_config": str(config),
        "use_sim_time": True,
        "states_dir": str(tmp_path / "states"),
        "resume": "none",
        "resume_what_fits": True,
    }
    assert nodes["pamiq_inference"].parameters == {
        **both,
        "rate": 20.0,
        "max_linear_velocity": 0.0,
        "max_angular_velocity": 0.5,
        "twist_stamped": True,
        "frame_id": "base",
    }
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
    options = GraphOptions(params_file="my.yaml", system_config="my.yaml", states_dir="states")
    training = by_name(graph(options))["pamiq_training"]
    assert training.params_file == tmp_path / "my.yaml"
    assert training.parameters["system_config"] == str(tmp_path / "my.yaml")
    assert training.parameters["states_dir"] == str(tmp_path / "states")


@pytest.mark.parametrize("namespace", ["robot1", "/robot1", "robot1/"])
def test_a_namespace_holds_all_nodes(namespace: str) -> None:
    nodes = graph(GraphOptions(namespace=namespace, world=WorldOptions()))
    assert {node.namespace for node in nodes} == {"/robot1"}
    assert by_name(nodes)["pamiq_control"].full_name == "/robot1/pamiq_control"


def test_without_a_namespace_names_are_at_the_root() -> None:
    assert graph(GraphOptions())[0].full_name == "/pamiq_inference"


def test_arguments_name_the_node_and_both_parameter_files(tmp_path: Path) -> None:
    given = tmp_path / "given.yaml"
    given.touch()
    options = GraphOptions(namespace="r1", log_level="debug", params_file=str(given))
    node = graph(options, remappings=[("cmd_vel", "base/cmd_vel")])[0]
    arguments = node.ros_arguments(tmp_path / "chosen.yaml")
    text = " ".join(arguments)
    assert arguments[0] == "--ros-args"
    assert "-r __node:=pamiq_inference -r __ns:=/r1 -r cmd_vel:=base/cmd_vel" in text
    assert text.index("given.yaml") < text.index("chosen.yaml"), "the later file wins"
    assert text.endswith("--log-level debug")


def test_parameters_are_written_for_the_node_by_its_full_name() -> None:
    options = GraphOptions(system="vae", namespace="r1", overrides=("name='x: \"y\"'",))
    content = yaml.safe_load(graph(options)[0].parameters_yaml())
    assert content == {
        "/r1/pamiq_inference": {
            "ros__parameters": {"system": "vae", "overrides": ["name='x: \"y\"'"]}
        }
    }


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ({"rate": -1.0}, r"rate: expected double from 0 to 1000, found -1"),
        ({"rate": 5000.0}, r"rate: expected double from 0 to 1000, found 5000"),
        ({"rate": float("nan")}, r"rate: .* found nan"),
        (
            {"max_linear_velocity": -0.1},
            r"max_linear_velocity: expected double from 0 .* found -0.1",
        ),
        ({"max_angular_velocity": float("inf")}, r"max_angular_velocity: .* found inf"),
        ({"namespace": "my robot"}, r"namespace: expected names .* found 'my robot'"),
        ({"namespace": "1st"}, r"namespace: .* found '1st'"),
        ({"log_level": "loud"}, r"log_level: expected one of debug, .* found 'loud'"),
        ({"overrides": ("size",)}, r"overrides: expected key=value, found 'size'"),
        ({"overrides": ("=3",)}, r"overrides: expected key=value, found '=3'"),
        ({"params_file": "/nowhere.yaml"}, r"params_file: expected a readable file.*/nowhere.yaml"),
        ({"params_file": "/"}, r"params_file: expected a readable file"),
        ({"system_config": "/nowhere.yaml"}, r"system_config: expected a readable file"),
        ({"states_dir": __file__}, r"states_dir: expected a folder, found a file at"),
    ],
)
def test_a_wrong_choice_is_named_with_what_was_expected(
    choices: dict[str, object], error: str
) -> None:
    with pytest.raises(ValueError, match=error):
        GraphOptions(**choices)  # type: ignore[arg-type]


def test_a_node_that_is_started_again_goes_on_from_its_newest_state() -> None:
    for resume, again in (("none", "latest"), ("2026-01-01_00-00-00.000000", "latest")):
        node = by_name(graph(GraphOptions(resume=resume)))["pamiq_training"]
        assert node.parameters["resume"] == resume
        assert node.restarted.parameters["resume"] == again
    node = by_name(graph(GraphOptions()))["pamiq_training"]
    assert node.restarted == node


def test_a_replay_stands_in_for_the_robot_and_is_the_nodes_time(tmp_path: Path) -> None:
    replay = ReplayOptions(str(tmp_path), start=2.0, remaps=parse_remaps(["/a:=/b"]))
    nodes = by_name(graph(GraphOptions(system="vae", replay=replay)))
    assert [*nodes] == ["pamiq_replay", "pamiq_inference", "pamiq_training", "pamiq_control"]
    assert all(node.parameters["use_sim_time"] is True for node in nodes.values())
    player = nodes["pamiq_replay"]
    assert player.ends_graph and not player.respawn
    assert player.remappings == (("/a", "/b"),)
    assert player.parameters == {"bag": str(tmp_path), "start": 2.0, "use_sim_time": True}


@pytest.mark.parametrize(
    ("choices", "error"),
    [
        ({"bag": "/nowhere"}, r"bag: expected a folder or a file, found nothing at /nowhere"),
        ({"rate": -1.0}, r"rate: expected double from 0.001 to 1e\+06, found -1"),
        ({"start": float("nan")}, r"start: .* found nan"),
    ],
)
def test_a_wrong_replay_is_named(choices: dict[str, object], error: str) -> None:
    with pytest.raises(ValueError, match=error):
        ReplayOptions(**{"bag": "/", **choices})  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["a", "a:=", ":=b", "a:=b:=c"])
def test_a_wrong_remap_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="remap: expected BAG_TOPIC:=TOPIC, found"):
        parse_remaps([text])
