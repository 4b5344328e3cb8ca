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

"""Which names of rclpy the package uses, and which of them a copy of rclpy has.

`python test/nodes/rclpy_names.py DISTRIBUTION VERSION FOLDER` records a distribution in
rclpy_names.json: FOLDER is the Python package `rclpy` of a checkout or an installation. Run it for
every distribution when the package begins to use another name.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "pamiq_ros"
RECORD = Path(__file__).with_suffix(".json")
COMPAT = PACKAGE / "compat.py"

# Classes whose objects rclpy hands out, though nobody imports them.
HANDED_OUT = {
    "rclpy.clock:ROSClock",
    "rclpy.impl.rcutils_logger:RcutilsLogger",
    "rclpy.service:Service",
}
# What compat.py asks for by name.
ASKED_FOR = {"rclpy.timer:TimerInfo"}
MEMBERS_ASKED_FOR = {"_callback_type", "create_future"}
PRIVATE = {"_callback_type", "_parameter_overrides", "_state_machine"}


@dataclass
class Use:
    """Where something of rclpy is used.

    Attributes:
        place: File and line.
        file: The file.
        keywords: Names of the keyword arguments, where it is called.
    """

    place: str
    file: Path
    keywords: frozenset[str] = frozenset()


@dataclass
class Uses:
    """What the package uses of rclpy.

    Attributes:
        names: Uses by `module:name`.
        attributes: Uses by name, of attributes in files that import rclpy.
    """

    names: dict[str, list[Use]] = field(default_factory=lambda: defaultdict(list))
    attributes: dict[str, list[Use]] = field(default_factory=lambda: defaultdict(list))


@cache
def uses(package: Path = PACKAGE) -> Uses:
    """Read what the package uses, from its source."""
    found = Uses()
    for file in sorted(package.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        imported = dict(_imports(tree))
        if not any(name.startswith("rclpy") for name in imported.values()):
            continue
        where = file.relative_to(package)
        calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Name | ast.Attribute | ast.ImportFrom):
                continue
            call = calls.get(id(node))
            keywords = frozenset(k.arg for k in call.keywords if k.arg) if call else frozenset()
            use = Use(f"{where}:{node.lineno}", file, keywords)
            if isinstance(node, ast.ImportFrom):
                for name in _imported_by(node):
                    found.names[name].append(use)
            elif isinstance(node, ast.Name) and imported.get(node.id, "rclpy") != "rclpy":
                found.names[imported[node.id]].append(use)
            elif isinstance(node, ast.Attribute):
                dotted = ast.unparse(node)
                if dotted.startswith("rclpy."):
                    module, _, name = dotted.rpartition(".")
                    found.names[f"{module}:{name}"].append(use)
                else:
                    found.attributes[node.attr].append(use)
    return found


def names(source: Path, wanted: Uses) -> dict[str, str | None]:
    """The names of a copy of rclpy that the package uses.

    Args:
        source: The folder of the Python package.
        wanted: What the package uses.

    Returns:
        By `module:name` and `module:Class.member` the parameters as in a signature, for what is
        called; None for everything else.
    """
    found: dict[str, str | None] = {}
    classes = _classes(source)
    attributes = {n for n in wanted.attributes if n[0] != "_"} | PRIVATE | MEMBERS_ASKED_FOR
    for name in sorted({*wanted.names, *HANDED_OUT, *ASKED_FOR}):
        module, _, member = name.partition(":")
        tree = _module(source, module)
        if tree is None:
            continue
        if _module(source, f"{module}.{member}") is not None:
            found[name] = None
            continue
        node = next((n for n in tree.body if member in _defined(n)), None)
        if node is None:
            continue
        if isinstance(node, ast.ImportFrom):
            node = classes.get(member, node)
        found[name] = _parameters(node)
        if isinstance(node, ast.ClassDef):
            members = _members(node, classes)
            found[name] = members.get("__init__") or members.get("__new__")
            found |= {f"{name}.{m}": members[m] for m in sorted({*members} & attributes)}
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from ((n.rpartition(":")[2], n) for n in _imported_by(node))
        elif isinstance(node, ast.Import):
            yield from ((a.name, "rclpy") for a in node.names if a.name.split(".")[0] == "rclpy")


def _imported_by(node: ast.ImportFrom) -> list[str]:
    module = node.module or ""
    if node.level or module.split(".")[0] != "rclpy":
        return []
    return [f"{module}:{alias.name}" for alias in node.names]


def _module(source: Path, module: str) -> ast.Module | None:
    path = source.joinpath(*module.split(".")[1:])
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return ast.parse(file.read_text(encoding="utf-8"))
    return None


def _classes(source: Path) -> dict[str, ast.ClassDef]:
    return {
        node.name: node
        for file in sorted(source.rglob("*.py"))
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }


def _defined(node: ast.stmt) -> set[str]:
    """The names that a statement of a module defines."""
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.ImportFrom | ast.Import):
        return {alias.asname or alias.name for alias in node.names}
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def _members(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for base in reversed(node.bases):
        name = ast.unparse(base).partition("[")[0].rpartition(".")[2]
        if name in classes and classes[name] is not node:
            found |= _members(classes[name], classes)
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self":
            found.setdefault(part.attr, None)
    for part in node.body:
        found |= {name: _parameters(part) for name in _defined(part)}
    return found


def _parameters(node: ast.stmt) -> str | None:
    if not isinstance(node, ast.FunctionDef):
        return None
    if any(ast.unparse(d).endswith(("property", ".setter")) for d in node.decorator_list):
        return None
    given = node.args
    parts = [a.arg for a in given.posonlyargs + given.args]
    parts += [f"*{given.vararg.arg}"] if given.vararg else ["*"] * bool(given.kwonlyargs)
    parts += [a.arg for a in given.kwonlyargs] + ([f"**{given.kwarg.arg}"] if given.kwarg else [])
    return ", ".join(parts)


if __name__ == "__main__":
    distribution, version, folder = sys.argv[1:]
    if not (Path(folder) / "node.py").exists():
        sys.exit(f"{folder}: expected the Python package rclpy, found no node.py in it")
    record = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
    record[distribution] = {"rclpy": version, "names": names(Path(folder), uses())}
    RECORD.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
