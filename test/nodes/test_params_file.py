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

"""What of a parameter file a node reads, and what nobody does."""

import itertools

import pytest
from std_srvs.srv import Trigger

from pamiq_ros.nodes.params_file import Section, for_no_node, meant, sections

TABLES = pytest.importorskip("pamiq_ros.nodes.tables", reason="needs ROS: rclpy").TABLES


def read(tmp_path, text):
    path = tmp_path / "params.yaml"
    path.write_text(text)
    return sections(path)


def test_sections_are_found_however_namespaces_are_nested(tmp_path):
    found = read(
        tmp_path,
        """
/**/pamiq_inference: {ros__parameters: {rate: 1.0, nested: {deep: {er: 1}, flat: 2}}}
robot1:
  pamiq_training: {ros__parameters: {niceness: 3}}
  /*: {ros__parameters: {a: 1}}
/**: {ros__parameters: {}}
""",
    )
    assert found == [
        Section("/**/pamiq_inference", ("rate", "nested.deep.er", "nested.flat")),
        Section("/robot1/pamiq_training", ("niceness",)),
        Section("/robot1/*", ("a",)),
        Section("/**", ()),
    ]
    assert read(tmp_path, "") == []


@pytest.mark.parametrize("text", ["- a", "a: [", "3"])
def test_what_is_no_mapping_is_refused(tmp_path, text):
    with pytest.raises(ValueError, match="expected"):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("name", "node", "matches"),
    [
        ("/**", "/node", True),
        ("/**", "/a/b/node", True),
        ("/**/node", "/node", True),
        ("/**/node", "/a/b/node", True),
        ("/**/node", "/a/b/other_node", False),
        ("/*/node", "/a/node", True),
        ("/*/node", "/node", False),
        ("/*/node", "/a/b/node", False),
        ("node", "/node", True),
        ("/node", "/a/node", False),
        ("/a/**/node", "/a/node", True),
        ("/a.c/node", "/abc/node", False),
    ],
)
def test_a_section_is_for_the_nodes_that_rcl_gives_it_to(name, node, matches):
    assert Section(name, ()).matches(node) is matches


@pytest.mark.parametrize(
    ("name", "namespace", "why"),
    [
        ("/**/pamiq_inference", "/robot1", ""),
        ("/**", "/robot1", ""),
        ("/pamiq_inference", "/", ""),
        ("/pamiq_inference", "/robot1", "namespace '/robot1' reads it; write '/**/pamiq_inf"),
        ("/*/pamiq_inference", "/", "write '/**/pamiq_inference'"),
        ("/robot2/**", "/robot1", "write '/**'"),
        ("/**/inference", "/", "no node of that name; pamiq_inference is close"),
        ("/camera", "/", "pamiq_ros has no node of that name"),
    ],
)
def test_a_section_for_nobody_is_explained(name, namespace, why):
    found = for_no_node(Section(name, ()), namespace, TABLES)
    assert why in found
    assert bool(found) == bool(why)


NAMES = [row.name for row in TABLES["pamiq_inference"]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("max_linear_velocty", "max_linear_velocity"),
        ("max_angular_velocities", "max_angular_velocity"),
        ("observation_timout", "observation_timeout"),
        ("rat", "rate"),
        ("camera_info_url", ""),
        ("robot_description", ""),
    ],
)
def test_a_misspelt_name_is_told_from_somebody_elses(name, expected):
    assert meant(name, NAMES, for_all=False) == expected


@pytest.mark.parametrize("name", ["speed", "max_speed", "rates", "robot_description"])
def test_what_is_for_all_nodes_may_be_somebody_elses(name):
    assert meant(name, NAMES, for_all=True) == ""
    assert meant("max_linear_velocty", NAMES, for_all=True) == "max_linear_velocity"


def test_no_parameter_of_one_node_is_taken_for_a_misspelt_one_of_another():
    tables = {node: [row.name for row in table] for node, table in TABLES.items()}
    for own, other in itertools.permutations(tables, 2):
        for name in set(tables[other]) - set(tables[own]):
            assert meant(name, tables[own], for_all=True) == "", (own, other, name)


def test_the_control_node_names_what_no_node_reads(ros, tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text(
        "/**/inference: {ros__parameters: {rate: 1.0}}\n"
        "pamiq_training: {ros__parameters: {niceness: 1}}\n"
        "/**: {ros__parameters: {speed: 1.0, niceness: 2, use_sim_time: false}}\n"
        "/**/pamiq_control: {ros__parameters: {brightness: 1.0}}\n"
        "/**/pamiq_world: {ros__parameters: {steps: 1}}\n"
    )
    process = ros.start(
        "pamiq_ros.nodes.control_node", "--params-file", str(path), "-r", "__ns:=/robot1"
    )
    shutdown = ros.node("user").create_client(Trigger, "/robot1/pamiq/shutdown")
    assert shutdown.wait_for_service(60.0)
    shutdown.call_async(Trigger.Request())
    _, text = process.communicate(timeout=60.0)
    warnings = [
        line.partition("]: ")[2]
        for line in text.splitlines()
        if "not used" in line or "section" in line
    ]
    assert sorted(warnings) == sorted(
        [
            f"parameter 'brightness', given by {path}, section '/**/pamiq_control', is not used: "
            "pamiq_control has none of that name",
            f"{path}: section '/**/inference': pamiq_ros has no node of that name; "
            "pamiq_inference is close",
            f"{path}: section '/pamiq_training': no node in the namespace '/robot1' reads it; "
            "write '/**/pamiq_training'",
            f"parameter 'speed', given by {path}, section '/**', is not used: no node of "
            "pamiq_ros has one of that name",
        ]
    )
