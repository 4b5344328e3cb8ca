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

"""Packages import downward only, and those that work without ROS import none of it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "pamiq_ros"

# Each package imports only those after it, and compat.py.
PACKAGES = (
    "cli",
    "bringup",
    "nodes",
    "supervision",
    "offline",
    "systems",
    "worlds",
    "checkpoints",
    "transport",
    "runtime",
    "core",
)
# What every package may import beside those below it.
LEAVES = ("compat", "pixels")
WITH_ROS = {"cli", "bringup", "nodes", "supervision", "offline"}
WITHOUT_ROS = [*sorted({*PACKAGES} - WITH_ROS), "offline/bags", "offline/lerobot"]
ROS = ("rclpy", "rcl_interfaces", "builtin_interfaces", "std_srvs")


def test_the_list_is_complete():
    found = {path.name for path in PACKAGE.iterdir() if any(path.glob("**/*.py"))}
    assert found == set(PACKAGES)


def imports(file: Path, dotted: str | None = None) -> set[str]:
    """Every module a file imports, as absolute dotted names; names of `from` are included."""
    package = dotted.split(".") if dotted else ["pamiq_ros", *file.relative_to(PACKAGE).parts[:-1]]
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return found


def package_of(name: str) -> str | None:
    parts = name.split(".")
    return parts[1] if parts[0] == "pamiq_ros" and len(parts) > 1 else None


def is_ros(name: str) -> bool:
    top = name.split(".")[0]
    return top in ROS or top.endswith("_msgs")


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_those_below_it(package):
    allowed = {*PACKAGES[PACKAGES.index(package) :], *LEAVES, "__version__", None}
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file in sorted((PACKAGE / package).rglob("*.py"))
        for name in imports(file)
        if package_of(name) not in allowed
    ]
    assert wrong == []


@pytest.mark.parametrize("leaf", LEAVES)
def test_what_all_packages_may_import_imports_none_of_them(leaf):
    assert [name for name in imports(PACKAGE / f"{leaf}.py") if package_of(name)] == []


@pytest.mark.parametrize("node", ["control", "world", "vrchat"])
def test_nodes_that_need_no_torch_do_not_load_it(node):
    pytest.importorskip("rclpy", reason="needs ROS: rclpy is not installed")
    code = f"import sys, pamiq_ros.nodes.{node}_node; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("package", WITHOUT_ROS)
def test_a_package_without_ros_imports_no_ros(package):
    wrong = [
        f"{file.relative_to(PACKAGE)} imports {name}"
        for file in sorted((PACKAGE / package).rglob("*.py"))
        for name in imports(file)
        if is_ros(name)
    ]
    assert wrong == []


def test_the_walk_sees_every_kind_of_import(tmp_path):
    file = tmp_path / "module.py"
    file.write_text(
        "import rclpy.node as n\nfrom sensor_msgs.msg import Image\n"
        "def late():\n    from ..nodes import topics\n    from . import sibling\n"
    )
    found = imports(file, "pamiq_ros.core.data")
    assert {"rclpy.node", "sensor_msgs.msg.Image"} <= found
    assert {"pamiq_ros.core.nodes.topics", "pamiq_ros.core.data.sibling"} <= found
    assert is_ros("rclpy.node") and is_ros("sensor_msgs.msg") and not is_ros("torch")
    assert package_of("pamiq_ros.nodes.topics") == "nodes" and package_of("torch") is None


CORE_ALONE = """
import sys

class NoRos:
    def find_spec(self, name, path=None, target=None):
        top = name.split(".")[0]
        if top == "rclpy" or top.endswith("_msgs") or top == "std_srvs":
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, NoRos())
import pamiq_ros
assert "torch" not in sys.modules
import pamiq_ros.core
assert pamiq_ros.core.Agent and pamiq_ros.core.TorchTrainer
assert not any(name.split(".")[0] == "rclpy" for name in sys.modules)
"""


def test_core_can_be_imported_where_there_is_no_ros():
    done = subprocess.run(
        [sys.executable, "-c", CORE_ALONE],
        cwd=PACKAGE.parent,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
