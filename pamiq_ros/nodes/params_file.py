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

"""Sections of a ROS parameter file: which node reads which, and which nobody reads. Needs no ROS.

rcl ignores a section that matches no node and a parameter that no node declares. Both are often
misspellings, and the robot then drives with a default that the user did not choose.
"""

from __future__ import annotations

import difflib
import itertools
import re
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_OF_ROS = ("use_sim_time", "start_type_description_service", "qos_overrides")
_PARAMETERS = "ros__parameters"
# The similarity of difflib from which on a name counts as a misspelling. A parameter given to every
# node may be for a node of another package.
_CLOSE, _CLOSE_FOR_ALL, _SHORTEST_FOR_ALL = 0.8, 0.9, 6


@dataclass(frozen=True)
class Section:
    """The parameters of a file for the nodes of one name.

    Attributes:
        name: The name with its namespace and wildcards, such as `/**/pamiq_inference`.
        parameters: Names of the parameters, nested ones joined by dots.
    """

    name: str
    parameters: tuple[str, ...]

    @property
    def is_for_all(self) -> bool:
        """Whether it ends with a wildcard, which matches nodes of any name."""
        return self.name.endswith("*")

    def matches(self, node: str) -> bool:
        """Return whether it is for a node.

        Args:
            node: The node's name with its namespace, such as `/robot1/pamiq_inference`.
        """
        # In rcl `*` stands for one name between slashes and `**` for any number of them.
        tokens = {"*": "/[^/]+", "**": "(/[^/]+)*"}
        parts = self.name.strip("/").split("/")
        pattern = "".join(tokens.get(part, f"/{re.escape(part)}") for part in parts)
        return re.fullmatch(pattern, node) is not None


def sections(path: Path) -> list[Section]:
    """Return the sections of a file.

    Args:
        path: A ROS parameter file.

    Raises:
        ValueError: It is not a YAML mapping.
        OSError: It can't be read.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"expected YAML: {' '.join(str(error).split())}") from error
    if content is not None and not isinstance(content, dict):
        raise ValueError(f"expected a mapping of node names, found a {type(content).__name__}")
    return list(_sections("", content or {}))


def _sections(prefix: str, content: Mapping[Any, Any]) -> Iterator[Section]:
    for key, value in content.items():
        if not isinstance(value, dict):
            continue  # rcl refuses it
        if key == _PARAMETERS:
            yield Section(prefix or "/", tuple(_names("", value)))
        else:
            yield from _sections(f"{prefix}/{str(key).strip('/')}", value)


def _names(prefix: str, content: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from _names(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}"


def given_files() -> list[Path]:
    """Return the parameter files on this process's command line."""
    pairs = itertools.pairwise(sys.argv)
    return [Path(value) for option, value in pairs if option == "--params-file"]


def is_of_ros(name: str) -> bool:
    """Return whether rclpy declares a parameter by itself."""
    return name.split(".")[0] in _OF_ROS


def meant(name: str, names: Collection[str], for_all: bool) -> str:
    """Return the parameter of a node that an unknown name may misspell.

    Args:
        name: The unknown name.
        names: The node's parameters.
        for_all: Whether it was given to nodes of any name.

    Returns:
        The parameter's name; empty if none is close.
    """
    if for_all and len(name) < _SHORTEST_FOR_ALL:
        return ""
    cutoff = _CLOSE_FOR_ALL if for_all else _CLOSE
    return next(iter(difflib.get_close_matches(name, names, 1, cutoff)), "")


def for_no_node(section: Section, namespace: str, names: Collection[str]) -> str:
    """Return why no node of a graph reads a section.

    Args:
        section: The section.
        namespace: Absolute namespace of the nodes.
        names: The names of all nodes of the package.

    Returns:
        A sentence; empty if a node reads it.
    """
    if any(section.matches(f"{namespace.rstrip('/')}/{name}") for name in names):
        return ""
    name = section.name.rpartition("/")[2]
    if name in names or section.is_for_all:
        pattern = "/**" if section.is_for_all else f"/**/{name}"
        why = f"no node in the namespace '{namespace}' reads it; write '{pattern}'"
    else:
        close = difflib.get_close_matches(name, names, 1)
        why = f"pamiq_ros has no node of that name{f'; {close[0]} is close' if close else ''}"
    return f"section '{section.name}': {why}"
