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

"""ROS parameters declared from a table, checked with clear errors."""

from __future__ import annotations

import functools
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from rcl_interfaces.msg import (
    FloatingPointRange,
    IntegerRange,
    ParameterDescriptor,
    SetParametersResult,
)
from rclpy.exceptions import InvalidParameterTypeException, InvalidParameterValueException
from rclpy.node import Node
from rclpy.parameter import Parameter as RosParameter

from pamiq_ros.compat import parameter_overrides

from .params_file import given_files, is_of_ros, meant, sections
from .tables import Parameter


def descriptor(row: Parameter) -> ParameterDescriptor:
    """Return the descriptor that `ros2 param describe` shows."""
    found = ParameterDescriptor(
        description=row.description,
        read_only=row.read_only,
        additional_constraints=row.expected() if row.choices else "",
    )
    if row.minimum is not None and row.maximum is not None:
        if isinstance(row.default, float):
            found.floating_point_range = [
                FloatingPointRange(
                    from_value=float(row.minimum), to_value=float(row.maximum), step=0.0
                )
            ]
        else:
            found.integer_range = [
                IntegerRange(from_value=int(row.minimum), to_value=int(row.maximum), step=1)
            ]
    return found


def declare(
    node: Node, table: Sequence[Parameter], files: Sequence[Path] | None = None
) -> dict[str, str]:
    """Declare every parameter of the table on the node.

    A wrong value does not end the node, since only a running node can report it: the parameter gets
    its default and the error is returned, so that `configure` can refuse it. The same holds for a
    parameter that the node does not have but whose name is close to one of its own. A warning names
    other unknown parameters given to this node; those given to all nodes may be for another one.

    Args:
        node: The node.
        table: Its parameters.
        files: Its parameter files; None for those on the command line.

    Returns:
        Error texts by parameter name; empty if there are none. A parameter that is later set to an
        accepted value is removed from it.
    """
    rows = {parameter.name: parameter for parameter in table}
    errors = _unknown(node, rows, given_files() if files is None else files)
    for row in table:
        found = _override(node, row.name)
        try:
            node.declare_parameter(row.name, row.default, descriptor(row))
            if not row.accepts(node.get_parameter(row.name).value):
                raise InvalidParameterValueException(row.name, found, "not accepted")
        except (InvalidParameterTypeException, InvalidParameterValueException):
            errors[row.name] = f"parameter '{row.name}': expected {row.expected()}, found {found}"
            if not node.has_parameter(row.name):
                node.declare_parameter(row.name, row.default, descriptor(row), ignore_override=True)
    node.add_on_set_parameters_callback(functools.partial(_check, rows, errors))
    return errors


def _check(
    rows: Mapping[str, Parameter],
    errors: dict[str, str],
    changes: list[RosParameter],  # type: ignore[type-arg]
) -> SetParametersResult:
    for change in changes:
        row = rows.get(change.name)
        if row is not None and not row.accepts(change.value):
            reason = f"expected {row.expected()}, found {change.value!r}"
            return SetParametersResult(successful=False, reason=reason)
        errors.pop(change.name, None)
    return SetParametersResult(successful=True)


def _unknown(node: Node, names: Collection[str], files: Sequence[Path]) -> dict[str, str]:
    errors = {}
    for name in parameter_overrides(node):
        if name in names or is_of_ros(name):
            continue
        given, is_for_all = source(node, name, files)
        if close := meant(name, names, is_for_all):
            errors[name] = f"parameter '{name}', given by {given}: expected '{close}'"
        elif not is_for_all:
            node.get_logger().warning(
                f"parameter '{name}', given by {given}, is not used: {node.get_name()} has none of "
                "that name"
            )
    return errors


def source(node: Node, name: str, files: Sequence[Path]) -> tuple[str, bool]:
    """Return where a parameter of a node was given.

    Args:
        node: The node.
        name: The parameter; the node may not have it.
        files: Its parameter files.

    Returns:
        The place, for the user, and whether it was given to nodes of any name.
    """
    for path in files:
        for section in sections(path):
            if name in section.parameters and section.matches(node.get_fully_qualified_name()):
                return f"{path}, section '{section.name}'", section.is_for_all
    return "a launch file or the command line", True


def _override(node: Node, name: str) -> str:
    given = parameter_overrides(node).get(name)
    return "nothing" if given is None else f"{given.type_.name.lower()} {given.value!r}"
