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

"""A package `rclpy` of nothing but the names that a distribution is recorded to have.

`python test/nodes/stand_in_rclpy.py DISTRIBUTION` imports all that needs ROS with it.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from collections import defaultdict
from types import ModuleType
from typing import Any

from rclpy_names import RECORD


def modules(names: dict[str, str | None]) -> dict[str, ModuleType]:
    """Make the modules, by their names.

    Args:
        names: As `rclpy_names.names` gives them.
    """
    made: dict[str, ModuleType] = {}
    members: dict[str, dict[str, Any]] = defaultdict(dict)
    for name, parameters in names.items():
        owner, dot, member = name.rpartition(".")
        if dot and ":" in owner:
            members[owner][member] = _member(member, parameters)
    for name, parameters in names.items():
        module, _, member = name.partition(":")
        if "." not in member and f"{module}.{member}" not in {n.partition(":")[0] for n in names}:
            setattr(_module(made, module), member, _value(member, parameters, members[name]))
    return made


def _module(made: dict[str, ModuleType], name: str) -> ModuleType:
    if name not in made:
        made[name] = ModuleType(name)
        made[name].__path__ = []
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(_module(made, parent), child, made[name])
    return made[name]


def _value(name: str, parameters: str | None, members: dict[str, Any]) -> Any:
    if not name[0].isupper():
        return _member(name, parameters)
    if parameters is not None:
        rest = parameters.split(", ")[1:]
        members = {**members, "__init__": _member("__init__", ", ".join(["self", *rest]))}
    base = Exception if name.endswith(("Exception", "InvalidHandle")) else object
    return type(name, (base,), members)


def _member(name: str, parameters: str | None) -> Any:
    if parameters is None:
        return object()
    parts = [part if part[0] == "*" else f"{part}=None" for part in parameters.split(", ") if part]
    scope: dict[str, Any] = {}
    exec(f"def {name}({', '.join(parts)}): return None", scope)
    made = scope[name]
    return classmethod(made) if parameters.startswith("cls") else made


if __name__ == "__main__":
    found = json.loads(RECORD.read_text(encoding="utf-8"))[sys.argv[1]]["names"]
    sys.modules |= modules(found)
    for package in (f"pamiq_ros.{name}" for name in ("supervision", "nodes", "offline", "cli")):
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__):
            importlib.import_module(f"{package}.{module.name}")
            sys.stderr.write(f"{package}.{module.name}\n")
