"""ROS parameters declared from a table: type, unit, range and text, checked with clear errors."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
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

Value = bool | int | float | str | list[str]
_TYPE_NAMES = {bool: "bool", int: "integer", float: "double", str: "string", list: "string array"}


@dataclass(frozen=True)
class Parameter:
    """One row of a node's parameter table.

    Attributes:
        name: Parameter name.
        default: Value when the user gives none; its type is the parameter's type.
        description: What it does, with its unit.
        minimum: Smallest value allowed, for numbers.
        maximum: Largest value allowed, for numbers.
        choices: The values allowed, for strings; empty for any.
        read_only: Whether it can only be given at the start.
    """

    name: str
    default: Value
    description: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    read_only: bool = False

    def expected(self) -> str:
        """What a value must be, for an error message."""
        text = _TYPE_NAMES[type(self.default)]
        if self.choices:
            return f"one of {', '.join(self.choices)}"
        if self.minimum is not None and self.maximum is not None:
            return f"{text} from {self.minimum:g} to {self.maximum:g}"
        return text

    def descriptor(self) -> ParameterDescriptor:
        """The descriptor that `ros2 param describe` shows."""
        descriptor = ParameterDescriptor(
            description=self.description,
            read_only=self.read_only,
            additional_constraints=self.expected() if self.choices else "",
        )
        if self.minimum is not None and self.maximum is not None:
            if isinstance(self.default, float):
                descriptor.floating_point_range = [
                    FloatingPointRange(
                        from_value=float(self.minimum), to_value=float(self.maximum), step=0.0
                    )
                ]
            else:
                descriptor.integer_range = [
                    IntegerRange(from_value=int(self.minimum), to_value=int(self.maximum), step=1)
                ]
        return descriptor

    def accepts(self, value: object) -> bool:
        """Whether a value of the right type is also one of the choices, and finite."""
        if isinstance(value, float) and not math.isfinite(value):
            return False
        return not self.choices or value in self.choices


def declare(
    node: Node, table: Sequence[Parameter], files: Sequence[Path] | None = None
) -> dict[str, str]:
    """Declare every parameter of the table on the node.

    A bad value does not end the node here, since a node that is gone can't say what is wrong:
    the parameter gets its default and the error is returned, for `configure` to refuse with. So is
    a parameter that the node does not have, if its name is close to one that it has. Others of its
    own are named in a warning; those that are given to all nodes may be meant for another one.

    Args:
        node: The node.
        table: Its parameters.
        files: The parameter files that it was given; None for those on the command line.

    Returns:
        Error texts by parameter name; empty when all is well. A parameter that is later set to a
        good value is removed from it.
    """
    rows = {parameter.name: parameter for parameter in table}
    errors = _unknown(node, rows, given_files() if files is None else files)
    for row in table:
        found = _override(node, row.name)
        try:
            node.declare_parameter(row.name, row.default, row.descriptor())
            if not row.accepts(node.get_parameter(row.name).value):
                raise InvalidParameterValueException(row.name, found, "not accepted")
        except (InvalidParameterTypeException, InvalidParameterValueException):
            errors[row.name] = f"parameter '{row.name}': expected {row.expected()}, found {found}"
            if not node.has_parameter(row.name):
                node.declare_parameter(
                    row.name, row.default, row.descriptor(), ignore_override=True
                )

    def check(changes: list[RosParameter]) -> SetParametersResult:  # type: ignore[type-arg]
        for change in changes:
            row = rows.get(change.name)
            if row is not None and not row.accepts(change.value):
                reason = f"expected {row.expected()}, found {change.value!r}"
                return SetParametersResult(successful=False, reason=reason)
            errors.pop(change.name, None)
        return SetParametersResult(successful=True)

    node.add_on_set_parameters_callback(check)
    return errors


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
        name: The parameter, which the node need not have.
        files: The parameter files that it was given.

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
