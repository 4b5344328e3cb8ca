"""Checks of what the command line names, as far as they need neither ROS nor torch."""

from __future__ import annotations

import importlib.util
import json
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from .report_file import check_place

SYSTEMS = Path(__file__).resolve().parents[1] / "systems"

# What the graph calls its options, where the command line calls them otherwise.
_OPTION_NAMES = {
    "params_file": "--params",
    "system_config": "--config",
    "overrides": "--set",
    "remaps": "--remap",
    "topics": "--topic",
    "env_kwargs": "--world-kwargs",
}
_ROS = {"rclpy": "ros", "std_msgs": "ros", "std_srvs": "ros"}
_NEEDED = {**_ROS, "torch": ""}


def option_error(name: str, text: str) -> click.BadParameter:
    """An error about one option; the command ends with exit status 2.

    Args:
        name: The option as on the command line, or as the graph calls it.
        text: What was expected and what was found.
    """
    option = name if name.startswith("--") else f"--{name.replace('_', '-')}"
    return click.BadParameter(text, param_hint=f"'{_OPTION_NAMES.get(name, option)}'")


def built_in_systems() -> list[str]:
    """Names of the systems that come with the package, found without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules([str(SYSTEMS)]))


def check_system(name: str) -> None:
    """Check the name of a system as far as that needs no import.

    Raises:
        click.BadParameter: There can't be such a system.
    """
    module, colon, attribute = name.rpartition(":")
    if not colon and name not in built_in_systems():
        known = ", ".join(built_in_systems())
        text = f"expected one of {known}, 'module:callable' or 'file.py:callable', found {name!r}"
        raise click.BadParameter(text, param_hint="'SYSTEM'")
    if colon and not attribute.isidentifier():
        text = f"expected 'module:callable' or 'file.py:callable', found {name!r}"
        raise click.BadParameter(text, param_hint="'SYSTEM'")
    if module.endswith(".py") and not Path(module).is_file():
        text = f"expected an existing Python file before the ':', found none at {module}"
        raise click.BadParameter(text, param_hint="'SYSTEM'")


def check_config(path: str) -> None:
    """Check that a file is YAML with a mapping in it; an empty path is fine.

    Raises:
        click.BadParameter: It is not.
    """
    if not path:
        return
    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        text = " ".join(str(error).split())
        raise option_error("--config", f"expected YAML, found {path}: {text}") from error
    if found is not None and not isinstance(found, dict):
        kind = type(found).__name__
        raise option_error("--config", f"expected a mapping of keys to values, found a {kind}")


def check_report(path: str | None) -> None:
    """Check that the report could be written.

    Raises:
        click.BadParameter: It could not.
    """
    if path is None:
        return
    try:
        check_place(Path(path))
    except ValueError as error:
        raise option_error("--report", str(error)) from error


def check_installed(with_world: bool) -> None:
    """Check that what the nodes import is there, without importing it.

    Raises:
        click.UsageError: It is not; says how to install it.
    """
    _check({**_NEEDED, "gymnasium": "sim"} if with_world else _NEEDED)


def check_bags() -> None:
    """Check that what reads and writes bags is there, without importing it.

    Raises:
        click.UsageError: It is not; says how to install it.
    """
    _check({"rosbags": ""})


def check_report_page() -> None:
    """Check that what draws reports is there, without importing it.

    Raises:
        click.UsageError: It is not; says how to install it.
    """
    _check({"matplotlib": "report", "jinja2": "report"})


def check_lerobot() -> None:
    """Check that what writes LeRobotDatasets is there, without importing it.

    Raises:
        click.UsageError: It is not; says how to install it.
    """
    _check({"av": "lerobot", "pyarrow": "lerobot"})


def check_ros() -> None:
    """Check that what talks to running nodes is there, without importing it.

    Raises:
        click.UsageError: It is not; says how to install it.
    """
    _check(_ROS)


def _check(needed: Mapping[str, str]) -> None:
    for module, extra in needed.items():
        if importlib.util.find_spec(module) is None:
            package = f"'pamiq_ros[{extra}]'" if extra else module
            hint = " (or source a ROS 2 installation)" if extra == "ros" else ""
            raise click.UsageError(
                f"expected the Python module {module!r} to be installed, found none; "
                f"pip install {package}{hint}"
            )


def world_kwargs_json(text: str) -> str:
    """Turn the YAML of --world-kwargs into the JSON that the world node takes.

    Raises:
        click.BadParameter: It is no YAML mapping, or has values that JSON does not know.
    """
    example = "a YAML mapping such as '{continuous: true}'"
    try:
        found: Any = yaml.safe_load(text)
        if isinstance(found, dict):
            return json.dumps(found, allow_nan=False)
    except (yaml.YAMLError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise option_error(
            "--world-kwargs", f"expected {example}, found {text!r} ({reason})"
        ) from error
    raise option_error("--world-kwargs", f"expected {example}, found {text!r}")
