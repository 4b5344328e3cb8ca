"""Parameters as text: values typed by the user, and values, types and ranges to be read by one."""

from __future__ import annotations

import json
from typing import Any

import yaml
from rcl_interfaces.msg import ParameterDescriptor, ParameterType, ParameterValue
from rclpy.parameter import Parameter, parameter_value_to_python

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
    """A value as the user would type it: JSON, which is YAML too."""
    found = parameter_value_to_python(value)
    return "not set" if found is None else json.dumps(found, ensure_ascii=False, default=repr)


def kind_text(descriptor: ParameterDescriptor) -> str:
    """Type and limits, such as `double, 0 to 1000`."""
    parts = [_TYPE_NAMES.get(descriptor.type, "any type")]
    parts += [f"{r.from_value:g} to {r.to_value:g}" for r in descriptor.floating_point_range]
    parts += [f"{r.from_value} to {r.to_value}" for r in descriptor.integer_range]
    parts += [descriptor.additional_constraints] if descriptor.additional_constraints else []
    parts += ["read-only"] if descriptor.read_only else []
    return ", ".join(parts)


def parse_value(text: str, descriptor: ParameterDescriptor) -> ParameterValue:
    """Read what the user typed as a value of the parameter's type.

    Args:
        text: A number; a text as it is for a string; YAML for all else.
        descriptor: What the node says of the parameter.

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
        return Parameter("", Parameter.Type(descriptor.type), found).get_parameter_value()
    except (ValueError, TypeError, AssertionError, OverflowError) as error:
        raise ValueError(f"expected {kind_text(descriptor)}, found {text!r}") from error


def _read(kind: str, text: str) -> Any:
    try:
        if kind in ("integer", "double"):
            return _PYTHON_TYPES[kind](text)  # YAML would take 1e-3 for a text
        return text if kind == "string" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError, RecursionError):
        return None


def _as(kind: str, value: Any) -> Any:
    if kind == "double" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind == "integer" and isinstance(value, int) and not _LEAST <= value <= -_LEAST - 1:
        return None
    return value if type(value) is _PYTHON_TYPES.get(kind) else None
