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

"""The files for rqt, Foxglove and diagnostic_aggregator parse, and name what the graph has."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pamiq_ros.supervision import node_diagnosis
from pamiq_ros.supervision.status import INFERENCE, TRAINING

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config"
NAMES = ("TICK", "OBSERVATIONS", "WEIGHTS", "EXPERIENCE", "LEARNING", "STATES", "NODE", "SYSTEM")


def served() -> set[str]:
    source = (ROOT / "pamiq_ros/nodes/control_node.py").read_text()
    return {f"/{name}" for name in re.findall(r'"(pamiq/(?:pause|resume|save_state))"', source)}


def recorded(kind: str) -> set[str]:
    """Names of what the trainers of the demo's system record."""
    source = (ROOT / "pamiq_ros/systems/vae/trainer.py").read_text()
    return set(re.findall(rf'recorder\.{kind}\("(\w+)"', source))


def topics() -> set[str]:
    """Topics of the demo that the files may name, with `data` for numbers and texts."""
    return {
        "/camera/image_raw",
        "/diagnostics",
        "/pamiq/status.data",
        *(f"/pamiq/metrics/{name}.data" for name in recorded("scalar")),
        *(f"/pamiq/debug/{name}" for name in recorded("image")),
    }


@pytest.fixture
def perspective() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CONFIG / "pamiq.perspective").read_text())
    return content


def values(group: dict[str, Any]) -> dict[str, Any]:
    """A group's keys as rqt reads them: each a literal, or bytes in hexadecimal."""
    found: dict[str, Any] = {}
    for key, value in group["keys"].items():
        if value["type"] == "repr":
            found[key] = ast.literal_eval(value["repr"])
        else:
            assert value["type"] == "repr(QByteArray.hex)"
            text = value["repr(QByteArray.hex)"].removeprefix("QtCore.QByteArray(")
            found[key] = bytes.fromhex(ast.literal_eval(text.removesuffix(")")).decode())
    return found


def test_the_perspective_opens_all_its_panels_with_settings_of_their_own(perspective):
    manager = perspective["groups"]["pluginmanager"]
    running = values(manager)["running-plugins"]
    instances = {
        f"plugin__{plugin.replace('/', '__')}__{n}" for plugin, ns in running.items() for n in ns
    }
    assert {plugin.partition("/")[0] for plugin in running} == {
        "rqt_console",
        "rqt_image_view",
        "rqt_plot",
        "rqt_robot_monitor",
        "rqt_service_caller",
    }
    assert set(manager["groups"]) <= instances
    state = values(perspective["groups"]["mainwindow"])["state"]
    for instance in instances:  # every panel has its place in the window
        assert instance.removeprefix("plugin__").encode("utf-16-be") in state


def test_the_perspective_names_services_and_topics_of_the_demo(perspective):
    groups = perspective["groups"]["pluginmanager"]["groups"]
    settings = {name: values(group["groups"]["plugin"]) for name, group in groups.items()}
    called = {s["current_service_name"] for n, s in settings.items() if "service_caller" in n}
    assert called == {"/pamiq/pause", "/pamiq/resume"} <= served()
    plotted = settings["plugin__rqt_plot__Plot__1"]["topics"]
    assert {re.sub("/data$", ".data", topic) for topic in plotted} <= topics() and plotted
    assert settings["plugin__rqt_image_view__ImageView__1"]["topic"] in topics()


@pytest.fixture
def layout() -> dict[str, Any]:
    content: dict[str, Any] = json.loads((CONFIG / "foxglove_layout.json").read_text())
    return content


def panels(node: str | dict[str, Any]) -> Iterator[str]:
    if isinstance(node, str):
        yield node
        return
    assert node["direction"] in ("row", "column") and 0 < node["splitPercentage"] < 100
    yield from panels(node["first"])
    yield from panels(node["second"])


def test_the_foxglove_layout_places_each_of_its_panels_once(layout):
    assert sorted(panels(layout["layout"])) == sorted(layout["configById"])


def test_the_foxglove_layout_names_services_and_topics_of_the_demo(layout):
    found, called = set(), set()
    for panel in layout["configById"].values():
        called |= {panel["serviceName"]} if "serviceName" in panel else set()
        found |= {panel[key] for key in ("topicToRender", "topicPath") if key in panel}
        found |= {panel["imageMode"]["imageTopic"]} if "imageMode" in panel else set()
        found |= {path["value"].partition(".status")[0] for path in panel.get("paths", [])}
    assert called == served()
    assert found == topics()


def test_the_foxglove_layout_plots_figures_that_diagnostics_have(layout):
    wanted = set()
    for panel in layout["configById"].values():
        for path in panel.get("paths", []):
            wanted |= set(re.findall(r'name=="(.*?)".*key=="(.*?)"', path["value"]))
    assert wanted == {
        (f"{INFERENCE}: {node_diagnosis.TICK}", key)
        for key in ("lateness_p50_ms", "lateness_p99_ms")
    }
    status = layout["configById"]["DiagnosticStatusPanel!tick"]["selectedName"]
    assert status == f"{INFERENCE}: {node_diagnosis.TICK}"


def test_the_aggregator_sorts_each_status_into_one_group():
    parameters = yaml.safe_load((CONFIG / "aggregator.yaml").read_text())["/**"]["ros__parameters"]
    analyzers = parameters["pamiq"]["analyzers"]
    names = [getattr(node_diagnosis, name) for name in NAMES]
    for node, group in (
        (INFERENCE, "acting"),
        (TRAINING, "learning"),
        ("pamiq_control", "control"),
    ):
        for prefix in ("", "robot1/", "fleet/robot1/"):
            for name in names:
                text = f"{prefix}{node}: {name}"
                hits = {
                    key
                    for key, analyzer in analyzers.items()
                    if any(re.fullmatch(regex, text) for regex in analyzer["regex"])
                }
                assert hits == {group}, text
