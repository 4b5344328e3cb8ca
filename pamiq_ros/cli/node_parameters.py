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

"""NodeParameters: lists, reads and sets the parameters of a system's nodes; values as text."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import yaml
from rcl_interfaces.msg import Parameter, ParameterDescriptor, ParameterType, ParameterValue
from rcl_interfaces.srv import DescribeParameters, GetParameters, ListParameters, SetParameters
from rclpy.parameter import Parameter as RosParameter
from rclpy.parameter import parameter_value_to_python

from .system_client import Refused, SystemClient

_TYPE_NAMES = {
    ParameterType.PARAMETER_BOOL: "bool",
    ParameterType.PARAMETER_INTEGER: "integer",
    ParameterType.PARAMETER_DOUBLE: "double",
    ParameterType.PARAMETER_STRING: "string",
    ParameterType.PARAMETER_BYTE_ARRAY: "byte array",
    ParameterType.PARAMETER_BOOL_ARRAY: "bool array",
    ParameterType.PARAMETER_INTEGER_ARRAY: "integer array",
    ParameterType.PARAMETER_DOUBLE_ARRAY: "double array",
    ParameterType.PARAMETER_STRING_ARRAY: "string array",
}
_PYTHON_TYPES: dict[str, type[Any]] = {
    "bool": bool,
    "integer": int,
    "double": float,
    "string": str,
}
_LEAST = -(1 << 63)


def value_text(value: ParameterValue) -> str:
    """Return a value as the user would type it: JSON, which is YAML too."""
    found = parameter_value_to_python(value)
    return "not set" if found is None else json.dumps(found, ensure_ascii=False, default=repr)


def kind_text(descriptor: ParameterDescriptor) -> str:
    """Return type and range, such as `double, 0 to 1000`."""
    parts = [_TYPE_NAMES.get(descriptor.type, "any type")]
    parts += [f"{r.from_value:g} to {r.to_value:g}" for r in descriptor.floating_point_range]
    parts += [f"{r.from_value} to {r.to_value}" for r in descriptor.integer_range]
    parts += [descriptor.additional_constraints] if descriptor.additional_constraints else []
    parts += ["read-only"] if descriptor.read_only else []
    return ", ".join(parts)


def parse_value(text: str, descriptor: ParameterDescriptor) -> ParameterValue:
    """Return the value that the user typed, of the parameter's type.

    Args:
        text: A number; for a string the text itself; otherwise YAML.
        descriptor: The node's description of the parameter.

    Raises:
        ValueError: It is of another type.
    """
    kind = _TYPE_NAMES.get(descriptor.type, "any type")
    found = _read(kind, text)
    element, _, array = kind.partition(" ")
    if array == "array" and isinstance(found, list):
        found = [_as(element, value) for value in found]
        fits = None not in found
    else:
        found = _as(element, found)
        fits = found is not None and not array
    if not fits:
        raise ValueError(f"expected {kind_text(descriptor)}, found {text!r}")
    try:
        return RosParameter("", RosParameter.Type(descriptor.type), found).get_parameter_value()
    except (ValueError, TypeError, AssertionError, OverflowError) as error:
        raise ValueError(f"expected {kind_text(descriptor)}, found {text!r}") from error


def _read(kind: str, text: str) -> Any:
    try:
        if kind in ("integer", "double"):
            return _PYTHON_TYPES[kind](text)  # YAML would read 1e-3 as a string
        return text if kind == "string" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return None


def _as(kind: str, value: Any) -> Any:
    if kind == "double" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind == "integer" and isinstance(value, int) and not _LEAST <= value <= -_LEAST - 1:
        return None
    return value if type(value) is _PYTHON_TYPES.get(kind) else None


_PREFIX = "pamiq_"
_OF_ROS = ("qos_overrides.", "start_type_description_service")


def short_name(node: str) -> str:
    """Return a node's name without `pamiq_`, which commands accept too."""
    return node.removeprefix(_PREFIX)


@dataclass(frozen=True)
class ParameterRow:
    """A parameter and its present value.

    Attributes:
        name: Its name.
        value: Its value, as one would type it.
        kind: Type and range, such as `double, 0 to 1000`.
        description: What it does, with its unit.
    """

    name: str
    value: str
    kind: str
    description: str


class NodeParameters:
    """Lists, reads and sets parameters.

    Args:
        client: The system.
        timeout: Longest to wait for each answer in s; None for 5 s.
    """

    def __init__(self, client: SystemClient, timeout: float | None = None) -> None:
        self._client = client
        self._timeout = timeout

    def node(self, name: str) -> str:
        """Return the full name of a node, which may be given without `pamiq_`.

        Raises:
            Refused: There is no such node in the system.
            NoAnswer: There is no system.
        """
        found = self.nodes()
        for candidate in (name, _PREFIX + name):
            if candidate in found:
                return candidate
        raise Refused(f"expected one of the nodes {', '.join(found)}, found {name!r}")

    def nodes(self) -> list[str]:
        """Return the names of the nodes.

        Raises:
            NoAnswer: There is no system.
        """
        if not self._client.nodes():
            self._client.wait_status(self._timeout)
        return self._client.nodes()

    def names(self, node: str) -> list[str]:
        """Return the names of a node's parameters."""
        answer = self._client.ask(
            ListParameters, f"{node}/list_parameters", ListParameters.Request(), self._timeout
        )
        return sorted(answer.result.names)

    def listed(self, node: str) -> list[str]:
        """Return the names of a node's parameters, without those that rclpy declares."""
        return [name for name in self.names(node) if not name.startswith(_OF_ROS)]

    def rows(self, node: str, names: Sequence[str]) -> list[ParameterRow]:
        """Return parameters of a node with their present values.

        Args:
            node: Full name of the node.
            names: Which ones.

        Raises:
            Refused: The node does not have one of them.
        """
        described = self._describe(node, names)
        request = GetParameters.Request(names=list(names))
        answer = self._client.ask(GetParameters, f"{node}/get_parameters", request, self._timeout)
        return [
            ParameterRow(name, value_text(value), kind_text(found), found.description)
            for name, value, found in zip(names, answer.values, described, strict=False)
        ]

    def set(self, node: str, name: str, text: str) -> ParameterRow:
        """Set a parameter, and return it with its new value.

        Args:
            node: Full name of the node.
            name: The parameter.
            text: The value as the user typed it.

        Raises:
            ValueError: It is not a value of the parameter's type.
            Refused: There is no such parameter, or the node refused the value; says why.
        """
        described = self._describe(node, [name])[0]
        change = Parameter(name=name, value=parse_value(text, described))
        request = SetParameters.Request(parameters=[change])
        answer = self._client.ask(SetParameters, f"{node}/set_parameters", request, self._timeout)
        for result in answer.results:
            if not result.successful:
                raise Refused(result.reason or f"{node} refused {name} without a reason")
        return self.rows(node, [name])[0]

    def _describe(self, node: str, names: Sequence[str]) -> list[ParameterDescriptor]:
        known = self.names(node)
        for name in names:
            if name not in known:
                raise Refused(f"{node} has no parameter {name!r}; `params {node}` lists them")
        request = DescribeParameters.Request(names=list(names))
        path = f"{node}/describe_parameters"
        answer = self._client.ask(DescribeParameters, path, request, self._timeout)
        return list(answer.descriptors)
