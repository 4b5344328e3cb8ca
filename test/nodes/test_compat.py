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

"""What the package uses of rclpy is in every recorded distribution, or compat.py deals with it.

rclpy_names.json has the names of Humble, Jazzy and Kilted. A further one is recorded from a
checkout of its rclpy, see rclpy_names.py, and is tested from then on.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import inspect
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryFile
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import rclpy_names
import stand_in_rclpy
from forked import ForkedProcess
from rclpy_names import COMPAT, PACKAGE, RECORD, uses

RECORDED: dict[str, dict[str, Any]] = json.loads(RECORD.read_text(encoding="utf-8"))
NAMES: dict[str, dict[str, str | None]] = {d: r["names"] for d, r in RECORDED.items()}
DISTRIBUTIONS = sorted(NAMES)


def outside_compat(found: list[rclpy_names.Use]) -> list[str]:
    return [use.place for use in found if use.file != COMPAT]


def accepts(parameters: str | None, keywords: frozenset[str]) -> bool:
    names = (parameters or "**").split(", ")
    return any(name.startswith("**") for name in names) or keywords <= {*names}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_what_is_imported_is_there(distribution: str) -> None:
    missing = {
        name: places
        for name, found in uses().names.items()
        if name not in NAMES[distribution] and (places := outside_compat(found))
    }
    assert missing == {}, f"{distribution} lacks these; compat.py is the place for what differs"


def test_what_compat_imports_is_there_in_some_distribution() -> None:
    assert {*uses().names} <= {name for names in NAMES.values() for name in names}


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_members_that_are_used_are_there(distribution: str) -> None:
    names = NAMES[distribution]
    # Of a class that is the C++ extension's, the source has the name alone.
    owners = {owner for name in names if ":" in (owner := name.rpartition(".")[0])}
    missing = {
        name: places
        for other in DISTRIBUTIONS
        for name in NAMES[other]
        if name not in names and name.rpartition(".")[0] in owners
        if (places := outside_compat(uses().attributes.get(name.rpartition(".")[2], [])))
    }
    assert missing == {}, f"{distribution} lacks these; compat.py is the place for what differs"


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_keyword_arguments_that_are_given_are_taken(distribution: str) -> None:
    names, wrong = NAMES[distribution], []
    by_member: dict[str, list[str | None]] = {}
    for name, parameters in names.items():
        by_member.setdefault(name.rpartition(".")[2], []).append(parameters)
    for found, known in ((uses().names, None), (uses().attributes, by_member)):
        for name, those in found.items():
            taken = [names[name]] if name in names else (known or {}).get(name, [])
            wrong += [
                f"{use.place}: {name}({', '.join(sorted(use.keywords))})"
                for use in those
                if taken and not any(accepts(one, use.keywords) for one in taken)
            ]
    assert wrong == []


def test_private_names_are_used_in_compat_alone() -> None:
    private = rclpy_names.PRIVATE | {"_CREATE_ROS_MESSAGE", "_CONVERT_FROM_PY"}
    found = {name: outside_compat(uses().attributes.get(name, [])) for name in private}
    assert not any(found.values()), found


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_all_that_needs_ros_can_be_imported(distribution: str) -> None:
    pytest.importorskip("std_msgs", reason="needs the messages: pip install '.[ros]'")
    path = [str(PACKAGE.parent), str(Path(stand_in_rclpy.__file__).parent)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path)}
    with TemporaryFile("w+") as stderr:
        process = ForkedProcess("stand_in_rclpy", (distribution,), environment, stderr)
        _, said = process.communicate()
    assert process.returncode == 0, said
    assert "pamiq_ros.nodes.inference_node" in said.splitlines()


def compat_of(distribution: str) -> tuple[ModuleType, dict[str, ModuleType]]:
    """compat.py as it is with a distribution's rclpy, and that one's modules."""
    modules = stand_in_rclpy.modules(NAMES[distribution])
    others = {name for name in sys.modules if name.split(".")[0] == "rclpy"}
    spec = importlib.util.spec_from_file_location(f"compat_of_{distribution}", COMPAT)
    assert spec is not None and spec.loader is not None
    compat = importlib.util.module_from_spec(spec)
    with patch.dict(sys.modules):
        for name in others:
            del sys.modules[name]
        sys.modules.update(modules)
        spec.loader.exec_module(compat)
    return compat, modules


@pytest.mark.parametrize(
    ("distribution", "events", "clock"),
    [
        ("humble", "rclpy.qos_event", "rclpy.clock"),
        ("jazzy", "rclpy.event_handler", "rclpy.clock_type"),
        ("kilted", "rclpy.event_handler", "rclpy.clock_type"),
    ],
)
def test_names_come_from_where_the_distribution_has_them(
    distribution: str, events: str, clock: str
) -> None:
    compat, modules = compat_of(distribution)
    assert compat.PublisherEventCallbacks is modules[events].PublisherEventCallbacks
    assert compat.SubscriptionEventCallbacks is modules[events].SubscriptionEventCallbacks
    assert compat.ClockType is modules[clock].ClockType


@pytest.mark.parametrize(("distribution", "count"), [("humble", 5), ("jazzy", 2), ("kilted", 2)])
def test_the_publishers_of_a_subscription_are_counted(distribution: str, count: int) -> None:
    compat, modules = compat_of(distribution)
    subscription = modules["rclpy.subscription"].Subscription()
    subscription.topic_name = "/topic"
    if hasattr(subscription, "get_publisher_count"):
        subscription.get_publisher_count = lambda: 2
    node = modules["rclpy.node"].Node()
    node.count_publishers = {"/topic": 5}.get
    assert compat.publisher_count(node, subscription) == count


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_private_state_is_read(distribution: str) -> None:
    compat, modules = compat_of(distribution)
    node = modules["rclpy.lifecycle"].LifecycleNode("node")
    node._state_machine = SimpleNamespace(current_state=(3, "active"))
    node._parameter_overrides = {"rate": "given"}
    assert compat.current_state(node) == "active"
    assert compat.parameter_overrides(node) == {"rate": "given"}


def installed_distribution() -> str:
    """The one whose rclpy is installed; as wheels it is named by theirs."""
    pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
    wheels = [d for d in DISTRIBUTIONS if is_installed(f"ros-{d}-rclpy")]
    return os.environ.get("ROS_DISTRO") or (wheels or [""])[0]


def is_installed(wheel: str) -> bool:
    return importlib.util.find_spec("rclpy") is not None and any(
        importlib.metadata.distributions(name=wheel)
    )


def test_the_record_is_what_is_installed() -> None:
    distribution = installed_distribution()
    if distribution not in DISTRIBUTIONS:
        pytest.skip(f"{distribution or 'the installed distribution'} is not recorded")
    wrong = [
        f"{name}: recorded {parameters}, found {found}"
        for name, parameters in NAMES[distribution].items()
        if (found := of_installed(name, parameters)) != parameters
    ]
    assert wrong == []


def test_what_is_used_of_the_installed_rclpy_is_recorded() -> None:
    import rclpy

    distribution = installed_distribution()
    if distribution not in DISTRIBUTIONS:
        pytest.skip(f"{distribution or 'the installed distribution'} is not recorded")
    found = rclpy_names.names(Path(rclpy.__file__).parent, uses())
    assert {*found} <= {*NAMES[distribution]}, "record them for all: see rclpy_names.py"


def of_installed(name: str, recorded: str | None) -> str | None:
    """The parameters that the installed rclpy has; as recorded where there is nothing to ask."""
    module, _, path = name.partition(":")
    owner = found = importlib.import_module(module)
    for part in path.split("."):
        owner, found = found, getattr(found, part, importlib)
    if found is importlib:
        is_set = inspect.isclass(owner) and f"self.{part}" in sources(owner)
        return recorded if is_set or is_module(module, part) else "nothing"
    if recorded is None:
        return None
    called = found
    if inspect.isclass(found):
        called = found.__init__ if found.__init__ is not object.__init__ else found.__new__
    parameters = inspect.signature(inspect.unwrap(getattr(called, "__func__", called))).parameters
    known = [name.lstrip("*") for name in recorded.split(", ")]
    # A later release of the same distribution may take more.
    return recorded if {name for name in known if name} <= {*parameters} else ", ".join(parameters)


def is_module(module: str, name: str) -> bool:
    return importlib.util.find_spec(f"{module}.{name}") is not None


def sources(owner: type[Any]) -> str:
    return "".join(inspect.getsource(one) for one in owner.__mro__[:-1] if is_python(one))


def is_python(owner: type[Any]) -> bool:
    return owner.__module__.startswith("rclpy")
