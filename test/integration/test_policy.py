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

"""The sros2 policy names every topic and service that the nodes of the demo really have."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: pip install '.[ros]'")
pytest.importorskip("gymnasium", reason="gymnasium is not installed: pip install '.[sim]'")

from pamiq_ros.cli.system_client import Monitor

from .harness import DOMAIN, Graph, graph, wait_until

pytestmark = pytest.mark.integration

POLICY = Path(__file__).parents[2] / "config/sros2/policy.xml"
NODES = ("pamiq_inference", "pamiq_training", "pamiq_control", "pamiq_world")
KINDS = {
    ("topic", "publish"): "get_publisher_names_and_types_by_node",
    ("topic", "subscribe"): "get_subscriber_names_and_types_by_node",
    ("service", "reply"): "get_service_names_and_types_by_node",
    ("service", "request"): "get_client_names_and_types_by_node",
}


def allowed(node: str) -> dict[tuple[str, str], list[str]]:
    """What the policy allows a node, as full names, by kind of thing and of use."""
    profile = ElementTree.parse(POLICY).find(f".//profile[@node='{node}']")
    assert profile is not None, node
    names: dict[tuple[str, str], list[str]] = {kind: [] for kind in KINDS}
    for group in profile:
        (use,) = group.attrib
        assert group.attrib[use] == "ALLOW"
        names[group.tag[:-1], use] += [full(node, item.text or "") for item in group]
    return names


def full(node: str, name: str) -> str:
    return name if name.startswith("/") else "/" + name.replace("~", node, 1)


def in_use(running: Graph, node: str, known_as: str) -> dict[tuple[str, str], list[str]]:
    return {
        kind: [name for name, _ in getattr(running.probe, method)(node, "/")]
        for kind, method in KINDS.items()
        if known_as in NODES or kind[0] == "topic" or kind[1] == "request"
    }


def missing(running: Graph, node: str, known_as: str) -> list[str]:
    found = []
    for kind, names in in_use(running, node, known_as).items():
        patterns = allowed(known_as)[kind]
        found += [
            f"{known_as}: {' '.join(kind)} {name}"
            for name in names
            if not any(fnmatchcase(name, pattern) for pattern in patterns)
        ]
    return found


def has_everything(running: Graph) -> bool:
    """Whether all nodes have been discovered with what they open last."""
    last: dict[str, tuple[str, str]] = {
        "pamiq_inference": ("get_service_names_and_types_by_node", "/pamiq_inference/save_state"),
        "pamiq_training": ("get_publisher_names_and_types_by_node", "/pamiq/debug/reconstruction"),
        "pamiq_control": ("get_publisher_names_and_types_by_node", "/cmd_vel"),
        "pamiq_world": ("get_publisher_names_and_types_by_node", "/episode"),
    }
    return all(
        name in dict(getattr(running.probe, method)(node, "/"))
        for node, (method, name) in last.items()
    )


def test_nothing_that_the_nodes_use_is_missing_from_the_policy(
    tmp_path: Path, monkeypatch: Any
) -> None:
    with graph() as running:
        running.probe.cover_lens()  # the world is the robot here
        running.start("world_node")
        running.start_all("vae", "-p", f"states_dir:={tmp_path}")
        wait_until(
            lambda: running.probe.status.get("report", {}).get("training", {}).get("metrics"),
            "the first metrics",
        )
        wait_until(lambda: has_everything(running), "all topics and services")
        assert [text for node in NODES for text in missing(running, node, node)] == []

        monkeypatch.setenv("ROS_DOMAIN_ID", str(DOMAIN))
        monitor = Monitor("/")
        try:
            name = wait_until(
                lambda: [n for n in running.probe.get_node_names() if n.startswith("pamiq_cli_")],
                "the command line's node",
            )[0]
            wait_until(lambda: monitor.status, "the command line to hear the status")
            assert missing(running, name, "pamiq_cli") == []
        finally:
            monitor.close()


def test_the_command_line_may_call_what_the_control_node_serves() -> None:
    served = [n for n in allowed("pamiq_control")["service", "reply"] if n.startswith("/pamiq/")]
    assert len(served) == 4
    assert set(served) <= set(allowed("pamiq_cli")["service", "request"])


def test_a_viewer_may_command_nothing() -> None:
    viewer = allowed("viewer")
    assert viewer["service", "request"] == viewer["service", "reply"] == []
    assert set(viewer["topic", "publish"]) == {"/rosout", "/parameter_events"}
