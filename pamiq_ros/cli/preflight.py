"""Preflight: mistakes in overrides found by reading the system's source, before torch is loaded.

The nodes check everything when they are configured, some seconds later. What can be seen without
running the system's module is said at once; whatever can't be seen is left to the nodes.
"""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .checks import SYSTEMS

_TYPES = {"int": int, "float": float, "bool": bool, "str": str}


def check_overrides(system: str, overrides: Sequence[str]) -> None:
    """Check overrides against the parameters of a built-in system or of one in a file.

    Args:
        system: The system's name, as the nodes get it.
        overrides: `key=value` texts.

    Raises:
        ValueError: An unknown key, or a value of the wrong type; says what was expected.
    """
    parameters = _parameters(*_source(system))
    if parameters is None or not overrides:
        return
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    fields = [(name, kind, dataclasses.field(default="???")) for name, kind in parameters.items()]
    schema = OmegaConf.structured(dataclasses.make_dataclass("Config", fields))
    for override in overrides:
        key = override.partition("=")[0].split(".")[0].split("[")[0].strip()
        if key not in parameters:
            known = ", ".join(parameters)
            raise ValueError(f"expected one of the keys {known}, found {override!r}")
        try:
            OmegaConf.merge(schema, OmegaConf.from_dotlist([override]))
        except OmegaConfBaseException as error:
            kind = parameters[key].__name__
            raise ValueError(f"expected {key} of type {kind}, found {override!r}") from error


def _source(system: str) -> tuple[Path | None, str]:
    module, _, attribute = system.rpartition(":")
    if module.endswith(".py"):
        return Path(module), attribute
    if module:
        return None, attribute  # only an import could find it
    places = (SYSTEMS / f"{system}.py", SYSTEMS / system / "__init__.py")
    return next((place for place in places if place.is_file()), None), "system"


def _parameters(file: Path | None, name: str) -> dict[str, Any] | None:
    """Names and types of the function's parameters; None if they can't be told for sure."""
    try:
        tree = ast.parse(file.read_bytes()) if file is not None else None
    except (OSError, SyntaxError, ValueError):
        return None
    for node in tree.body if tree is not None else ():
        if isinstance(node, ast.FunctionDef) and node.name == name and not node.decorator_list:
            given = node.args
            if given.kwarg or given.vararg or given.posonlyargs:
                return None
            return {a.arg: _type(a.annotation) for a in (*given.args, *given.kwonlyargs)}
    return None


def _type(annotation: ast.expr | None) -> Any:
    return _TYPES.get(annotation.id, Any) if isinstance(annotation, ast.Name) else Any
