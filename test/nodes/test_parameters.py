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

"""The nodes' parameter tables and the file that documents them say the same."""

from pathlib import Path

import pytest
import yaml

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")

import rclpy
from domains import own_domain
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from pamiq_ros.nodes.parameters import declare
from pamiq_ros.nodes.tables import TABLES, Parameter

FILE = Path(__file__).parents[2] / "config" / "continual.yaml"


@pytest.mark.parametrize("node", TABLES)
def test_the_file_documents_every_parameter_with_its_default(node):
    documented = yaml.safe_load(FILE.read_text())[f"/**/{node}"]["ros__parameters"]
    defaults = {row.name: row.default for row in TABLES[node]}
    assert documented == defaults


@pytest.mark.parametrize("node", TABLES)
def test_the_file_documents_every_range(node):
    section = FILE.read_text().split(f"/**/{node}:")[1].split("/**/")[0]
    lines = {line.split(":")[0].strip(): line for line in section.splitlines() if ":" in line}
    for row in TABLES[node]:
        if row.minimum is not None:
            low, high = f"{row.minimum:.10g}", f"{row.maximum:.10g}"
            assert f"{low} to {high}" in lines[row.name], row.name


@pytest.fixture
def make_node():
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=own_domain())
    nodes = []

    def make(**overrides):
        given = [RosParameter(name, value=value) for name, value in overrides.items()]
        nodes.append(Node("node", context=context, parameter_overrides=given))
        return nodes[-1]

    yield make
    for node in nodes:
        node.destroy_node()
    rclpy.shutdown(context=context)


RATE = Parameter("rate", 10.0, "Hz", 0.0, 1000.0)
CLOCK = Parameter("clock", "stamp", "whose", choices=("stamp", "reception"))
THREADS = Parameter("threads", 1, "threads", 1, 8)


def test_good_values_are_taken(make_node):
    node = make_node(rate=20.0, clock="reception", threads=4)
    assert declare(node, (RATE, CLOCK, THREADS)) == {}
    assert node.get_parameter("rate").value == 20.0
    descriptor = node.describe_parameter("rate")
    assert descriptor.floating_point_range[0].to_value == 1000.0


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rate", -5.0, ("rate", "-5.0", "0 to 1000")),
        ("rate", 5, ("rate", "double", "integer 5")),
        ("rate", float("nan"), ("rate", "nan", "0 to 1000")),
        ("clock", "sundial", ("clock", "sundial", "stamp, reception")),
        ("threads", 9, ("threads", "9", "1 to 8")),
        ("threads", "two", ("threads", "two", "integer")),
    ],
)
def test_bad_values_are_named_and_replaced_by_the_default(make_node, name, value, words):
    node = make_node(**{name: value})
    errors = declare(node, (RATE, CLOCK, THREADS))
    assert list(errors) == [name]
    for word in words:
        assert word in errors[name]


@pytest.mark.parametrize(
    ("name", "meant"),
    [("observation_timout", "observation_timeout"), ("brightness", "")],
)
def test_a_misspelt_parameter_is_refused_and_a_strange_one_is_not(make_node, name, meant):
    timeout = Parameter("observation_timeout", 0.5, "s", 0.0, 1.0)
    errors = declare(make_node(**{name: 1}), (RATE, THREADS, timeout))
    assert list(errors) == ([name] if meant else [])
    assert not meant or f"expected '{meant}'" in errors[name]


def test_a_bad_value_can_be_mended_while_the_node_runs(make_node):
    node = make_node(rate=-5.0)
    errors = declare(node, (RATE, CLOCK))
    assert errors
    assert not node.set_parameters([RosParameter("clock", value="sundial")])[0].successful
    assert node.set_parameters([RosParameter("rate", value=5.0)])[0].successful
    assert errors == {}


# Texts that name no code, no file and no folder.
HARMLESS = {"trigger_topic", "cpu_affinity", "frame_id"}
NAMES_CODE_OR_FILES = ("system", "system_config", "overrides", "states_dir", "tensorboard_dir")
REMOVES_STATES = ("resume", "states_keep", "states_keep_hourly", "states_keep_daily")


@pytest.mark.parametrize("node", TABLES)
def test_no_parameter_that_may_be_set_names_code_or_files(node):
    texts = [row for row in TABLES[node] if isinstance(row.default, (str, list))]
    free = {row.name for row in texts if not (row.choices or row.read_only)}
    assert free <= HARMLESS


@pytest.mark.parametrize("name", [*NAMES_CODE_OR_FILES, *REMOVES_STATES])
def test_what_names_code_or_files_can_not_be_set_once_the_node_is_there(make_node, name):
    node = make_node(system="vae")
    assert declare(node, TABLES["pamiq_training"]) == {}
    before = node.get_parameter(name).value
    other = {str: "/tmp/theirs.py:system", list: ["a=b"], int: 1}[type(before)]
    for change in (RosParameter(name, value=other), RosParameter(name)):
        answer = node.set_parameters_atomically([change])  # as the service does
        assert not answer.successful
        assert name in answer.reason and "read-only" in answer.reason
    assert node.get_parameter(name).value == before
